// What the clients of the scenario "media-upload" ask for, drawn from a seed.
#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "scenarios/drawing.hpp"
#include "scenarios/media_upload.hpp"

namespace orrery {
namespace {

using drawing::between;
using drawing::moment_us;
using drawing::some;
using rc::Gen;

/// Microseconds to the next thing: none, next to nothing, some, a while.
Gen<std::int64_t> gap_us() { return drawing::gap_us({500, 5'000, 200'000, 4'000'000, 15'000'000}); }

struct Step {
  std::int64_t after_us;
  int what;
};

/// Beside the upload itself.
enum class Twist { none, double_click, other_device, late_repeat, other_content, no_key, no_token, forged_token };

struct UploadDraw {
  std::int64_t at_us;
  int client, other_client, user, name, colour, size, damage;
  bool jpeg;
  Twist twist;
  std::int64_t gap_us;
  std::uint64_t key;
  std::vector<Step> then;
};

struct OtherDraw {
  std::int64_t at_us;
  int client, user, kind;
  std::uint64_t key;
  std::vector<Step> then;
};

Gen<std::vector<Step>> steps(int most) {
  const Gen<Step> one = rc::gen::map(rc::gen::pair(gap_us(), between(0, 99)), [](const auto& drawn) {
    return Step{drawn.first, static_cast<int>(drawn.second)};
  });
  return drawing::at_most(most, one);
}

Gen<Twist> twist() {
  return rc::gen::weightedElement<Twist>({{8, Twist::none},
                                          {3, Twist::double_click},
                                          {3, Twist::other_device},
                                          {2, Twist::late_repeat},
                                          {2, Twist::other_content},
                                          {1, Twist::no_key},
                                          {1, Twist::no_token},
                                          {1, Twist::forged_token}});
}

Gen<UploadDraw> upload(const std::vector<std::int64_t>& rushes, int clients, std::int64_t until_us) {
  const auto who = rc::gen::tuple(moment_us(rushes, until_us), between(1, clients), between(1, clients), between(0, 99),
                                  between(0, 11), between(1, 250));
  const auto what = rc::gen::tuple(between(1, 24), between(0, 99), between(0, 1), twist(), gap_us(),
                                   between(0, INT64_MAX - 1), steps(3));
  return rc::gen::map(rc::gen::pair(who, what), [](const auto& drawn) {
    UploadDraw one;
    std::tie(one.at_us, one.client, one.other_client, one.user, one.name, one.colour) = drawn.first;
    one.size = static_cast<int>(std::get<0>(drawn.second));
    one.damage = static_cast<int>(std::get<1>(drawn.second));
    one.jpeg = std::get<2>(drawn.second) == 1;
    one.twist = std::get<3>(drawn.second);
    one.gap_us = std::get<4>(drawn.second);
    one.key = static_cast<std::uint64_t>(std::get<5>(drawn.second));
    one.then = std::get<6>(drawn.second);
    return one;
  });
}

Gen<OtherDraw> other(int clients, std::int64_t until_us) {
  return rc::gen::map(rc::gen::tuple(between(200'000, until_us), between(1, clients), between(0, 99), between(0, 99),
                                     between(0, INT64_MAX - 1), steps(5)),
                      [](const auto& drawn) {
                        OtherDraw one;
                        one.at_us = std::get<0>(drawn);
                        one.client = static_cast<int>(std::get<1>(drawn));
                        one.user = static_cast<int>(std::get<2>(drawn));
                        one.kind = static_cast<int>(std::get<3>(drawn));
                        one.key = static_cast<std::uint64_t>(std::get<4>(drawn));
                        one.then = std::get<5>(drawn);
                        return one;
                      });
}

/// Few users, one of whom has most of the media: the album of that one gets full.
std::string user_name(int number) {
  static constexpr std::array<const char*, 5> kNames = {"ada", "grace", "edsger", "barbara", "leslie"};
  return kNames[number < 30 ? 0 : static_cast<std::size_t>(1 + number % 4)];
}

std::string text_of_us(std::int64_t us) { return std::to_string(us) + "us"; }

class Composer {
 public:
  void add(const UploadDraw& one) {
    Json arguments{{"user", user_name(one.user)},
                   {"token", one.twist == Twist::no_token       ? "none"
                             : one.twist == Twist::forged_token ? "forged"
                                                                : "valid"},
                   {"key", one.twist == Twist::no_key ? std::string() : "key-" + std::to_string(one.key)},
                   {"filename", (one.name % 3 == 0 ? "cat-" : "dog-") + std::to_string(one.name)},
                   {"image",
                    {{"type", one.jpeg ? "image/jpeg" : "image/png"},
                     {"width", one.size},
                     {"height", 1 + one.size / 2},
                     {"colour", one.colour},
                     {"damage", one.damage < 15   ? "cut"
                                : one.damage < 18 ? "text"
                                : one.damage < 21 ? "header"
                                                  : "none"}}},
                   {"then", Json::array()}};
    Json repeated = arguments;
    for (const Step& step : one.then) {
      const char* what = step.what < 40 ? "read" : step.what < 65 ? "thumbnail" : "delete";
      arguments["then"].push_back(Json{{"after", text_of_us(step.after_us)}, {"do", what}});
    }
    requests_.add(one.at_us, one.client, "upload", std::move(arguments));
    switch (one.twist) {
      case Twist::double_click:
        requests_.add(one.at_us + one.gap_us % 50'000, one.client, "upload", std::move(repeated));
        break;
      case Twist::other_device:
        requests_.add(one.at_us + one.gap_us % 50'000, one.other_client, "upload", std::move(repeated));
        break;
      case Twist::late_repeat:
        requests_.add(one.at_us + one.gap_us, one.other_client, "upload", std::move(repeated));
        break;
      case Twist::other_content:
        repeated["image"]["colour"] = one.colour + 1;
        requests_.add(one.at_us + one.gap_us % 2'000'000, one.other_client, "upload", std::move(repeated));
        break;
      default:
        break;
    }
  }

  void add(const OtherDraw& one) {
    Json arguments{{"user", user_name(one.user)}, {"token", "valid"}};
    if (one.kind < 25) {
      arguments["key"] = "key-" + std::to_string(one.key);
      arguments["name"] = "album-" + std::to_string(one.key % 1000);
      arguments["then"] = Json::array();
      for (const Step& step : one.then) {
        const char* what = step.what < 50 ? "add" : step.what < 70 ? "take out" : step.what < 90 ? "read" : "delete";
        arguments["then"].push_back(Json{{"after", text_of_us(step.after_us)}, {"do", what}});
      }
      requests_.add(one.at_us, one.client, "album", std::move(arguments));
    } else if (one.kind < 93) {
      static constexpr std::array<const char*, 6> kPlaces = {"media", "search", "stats", "albums", "notifications", "sagas"};
      arguments["at"] = kPlaces[static_cast<std::size_t>(one.kind) % kPlaces.size()];
      requests_.add(one.at_us, one.client, "look", std::move(arguments));
    } else {
      requests_.add(one.at_us, one.client, "rebuild", Json::object());
    }
  }

  std::vector<Operation> take() { return requests_.take(); }

 private:
  drawing::Requests requests_;
};

}  // namespace

rc::Gen<std::vector<Operation>> media_requests(int clients, Duration until) {
  // Repeats come up to 15 s after what they repeat.
  const std::int64_t until_us = until / 1us - 15'000'000;
  return rc::gen::mapcat(some(2, 4, between(500'000, until_us - 30'000)), [clients, until_us](const auto& rushes) {
    return rc::gen::map(rc::gen::pair(some(10, 16, upload(rushes, clients, until_us)), some(8, 14, other(clients, until_us))),
                        [](const std::pair<std::vector<UploadDraw>, std::vector<OtherDraw>>& drawn) {
                          Composer composer;
                          for (const UploadDraw& one : drawn.first) composer.add(one);
                          for (const OtherDraw& one : drawn.second) composer.add(one);
                          return composer.take();
                        });
  });
}

}  // namespace orrery
