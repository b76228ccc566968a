// What the clients of the scenario "user-notification" ask for, drawn from a seed.
#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "scenarios/drawing.hpp"
#include "scenarios/user_notification.hpp"

namespace orrery {
namespace {

using drawing::between;
using drawing::moment_us;
using drawing::some;
using rc::Gen;

/// Microseconds to the next thing: none, next to nothing, some, a while.
Gen<std::int64_t> gap_us() { return drawing::gap_us({500, 5'000, 100'000, 2'000'000, 15'000'000}); }

/// What a person does after the sign-up.
struct Step {
  std::int64_t after_us;
  int name;  // negative: reads instead of renaming
};

Gen<std::vector<Step>> steps(int most) {
  const Gen<Step> one = rc::gen::map(rc::gen::pair(gap_us(), between(-30, 69)), [](const auto& drawn) {
    return Step{drawn.first, static_cast<int>(drawn.second)};
  });
  return drawing::at_most(most, one);
}

/// Beside the sign-up itself.
enum class Twist {
  none,
  double_click,    // the same request again at once, from the same client
  other_device,    // the same request again at once, from another client
  late_repeat,     // the same request again much later
  other_body,      // the same key with another name
  same_email,      // another key, the same address, at nearly the same time
  same_email_late, // another key, the same address, later
  no_key,          // without an Idempotency-Key
  bad_input,
};

struct SignUp {
  std::int64_t at_us;
  int client;
  int other_client;
  Twist twist;
  std::int64_t gap_us;
  std::uint64_t key;
  int name;
  int address;  // what kind of address
  bool over_connect;
  std::vector<Step> then;
  std::vector<Step> other_then;
};

Gen<Twist> twist() {
  return rc::gen::weightedElement<Twist>({{9, Twist::none},
                                          {4, Twist::double_click},
                                          {4, Twist::other_device},
                                          {2, Twist::late_repeat},
                                          {2, Twist::other_body},
                                          {4, Twist::same_email},
                                          {1, Twist::same_email_late},
                                          {2, Twist::no_key},
                                          {1, Twist::bad_input}});
}

Gen<SignUp> sign_up(const std::vector<std::int64_t>& rushes, int clients, std::int64_t until_us) {
  const auto who = rc::gen::tuple(moment_us(rushes, until_us), between(1, clients), between(1, clients), between(0, 99),
                                  between(0, 19), between(0, 99));
  const auto what = rc::gen::tuple(twist(), gap_us(), between(0, INT64_MAX - 1), steps(4), steps(2));
  return rc::gen::map(rc::gen::pair(who, what), [](const auto& drawn) {
    SignUp one;
    std::tie(one.at_us, one.client, one.other_client, one.name, one.address, one.over_connect) = drawn.first;
    one.over_connect = std::get<5>(drawn.first) < 15;
    one.twist = std::get<0>(drawn.second);
    one.gap_us = std::get<1>(drawn.second);
    one.key = static_cast<std::uint64_t>(std::get<2>(drawn.second));
    one.then = std::get<3>(drawn.second);
    one.other_then = std::get<4>(drawn.second);
    return one;
  });
}

struct Listing {
  std::int64_t at_us;
  int client;
  int limit;
  int pages;
  bool by_cursor;
};

Gen<Listing> listing(int clients, std::int64_t until_us) {
  return rc::gen::map(rc::gen::tuple(between(200'000, until_us), between(1, clients),
                                     rc::gen::element(0, 1, 3, 5, 10, 20, 20, 100), between(1, 4), between(0, 1)),
                      [](const auto& drawn) {
                        return Listing{std::get<0>(drawn), static_cast<int>(std::get<1>(drawn)), std::get<2>(drawn),
                                       static_cast<int>(std::get<3>(drawn)), std::get<4>(drawn) == 1};
                      });
}

std::string person(int number) {
  static constexpr std::array<const char*, 10> kFirst = {"Ada",   "Grace", "Edsger", "Barbara", "Leslie",
                                                         "Radia", "Tony",  "Frances", "Ōe",     "Zoë"};
  static constexpr std::array<const char*, 10> kLast = {"Lovelace", "Hopper", "Dijkstra", "Liskov", "Lamport",
                                                        "Perlman",  "Hoare",  "Allen",    "Kenzaburō", "Müller"};
  return std::string(kFirst[static_cast<std::size_t>(number / 10 % 10)]) + " " + kLast[static_cast<std::size_t>(number % 10)];
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

std::string hex(std::uint64_t word) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (int i = 0; i < 16; ++i) text[static_cast<std::size_t>(i)] = kHex[word >> (60 - 4 * i) & 15];
  return text;
}

std::string duration_text(std::int64_t us) { return to_string(Duration(std::chrono::microseconds(us))); }

std::string address_of(std::size_t number, int kind) {
  // One in twenty has an address that the mail provider does not take: its job ends dead.
  const char* domain = kind == 0 ? "rejected.example" : kind < 4 ? "mail.example" : "example.org";
  return "person." + std::to_string(number) + (kind == 4 ? "+list@" : "@") + domain;
}

Json json_of(const std::vector<Step>& steps, std::size_t number) {
  Json json = Json::array();
  std::size_t count = 0;
  for (const Step& step : steps) {
    Json one{{"after", duration_text(step.after_us)}};
    if (step.name >= 0) one["name"] = person(step.name) + " " + std::to_string(number) + "." + std::to_string(++count);
    json.push_back(std::move(one));
  }
  return json;
}

Json bad_input(int which) {
  switch (which % 5) {
    case 0:
      return Json{{"email", "nobody"}, {"name", "No At Sign"}};
    case 1:
      return Json{{"email", "nobody@example.org"}, {"name", ""}};
    case 2:
      return Json{{"email", "nobody@example.org"}, {"name", "Bell\a"}};
    case 3:
      return Json{{"body", "{\"email\": \"nobody@example.org\", "}};
    default:
      return Json{{"body", R"({"email": "nobody@example.org", "name": "N.", "role": "admin"})"}};
  }
}

class Composer {
 public:
  void add(const SignUp& one) {
    const std::size_t number = ++people_;
    Json arguments{{"email", address_of(number, one.address)},
                   {"name", person(one.name)},
                   {"idempotency_key", "key-" + std::to_string(number) + "-" + hex(one.key)}};
    if (one.over_connect) arguments["protocol"] = "connect";
    Json other = arguments;
    if (!one.then.empty()) arguments["then"] = json_of(one.then, number);
    if (!one.other_then.empty()) other["then"] = json_of(one.other_then, number + 1000);
    int other_client = one.client;
    std::int64_t gap = std::min<std::int64_t>(one.gap_us, 50'000);

    switch (one.twist) {
      case Twist::none:
        return sign_up(one.at_us, one.client, arguments);
      case Twist::no_key:
        arguments.erase("idempotency_key");
        return sign_up(one.at_us, one.client, arguments);
      case Twist::bad_input: {
        Json bad = bad_input(one.name);
        bad["idempotency_key"] = arguments["idempotency_key"];
        return sign_up(one.at_us, one.client, bad);
      }
      case Twist::double_click:
        break;
      case Twist::other_device:
        other_client = one.other_client;
        break;
      case Twist::late_repeat:
        other_client = one.other_client;
        gap = 2'000'000 + one.gap_us;
        break;
      case Twist::other_body:
        other["name"] = person(one.name + 1) + " II";
        gap = one.gap_us;
        break;
      case Twist::same_email_late:
        gap = 2'000'000 + one.gap_us;
        [[fallthrough]];
      case Twist::same_email:
        other_client = one.other_client;
        other["email"] = upper(other["email"].get<std::string>());
        other["name"] = person(one.name + 7);
        other["idempotency_key"] = "key-" + std::to_string(number) + "-" + hex(~one.key);
        break;
    }
    sign_up(one.at_us, one.client, arguments);
    sign_up(one.at_us + gap, other_client, other);
  }

  void add(const Listing& one) {
    Json arguments{{"limit", one.limit}, {"pages", one.pages}, {"by", one.by_cursor ? "cursor" : "offset"}};
    requests_.add(one.at_us, one.client, "list users", std::move(arguments));
  }

  std::vector<Operation> take() { return requests_.take(); }

 private:
  void sign_up(std::int64_t at_us, int client, Json arguments) { requests_.add(at_us, client, "sign up", std::move(arguments)); }

  std::size_t people_ = 0;
  drawing::Requests requests_;
};

}  // namespace

rc::Gen<std::vector<Operation>> sign_ups(int clients, Duration until) {
  // Repeats come up to 17 s after what they repeat.
  const std::int64_t until_us = until / 1us - 17'000'000;
  return rc::gen::mapcat(some(3, 6, between(500'000, until_us - 30'000)), [clients, until_us](const auto& rushes) {
    return rc::gen::map(rc::gen::pair(some(24, 34, sign_up(rushes, clients, until_us)),
                                      some(5, 10, listing(clients, until_us))),
                        [](const std::pair<std::vector<SignUp>, std::vector<Listing>>& drawn) {
                          Composer composer;
                          for (const SignUp& one : drawn.first) composer.add(one);
                          for (const Listing& one : drawn.second) composer.add(one);
                          return composer.take();
                        });
  });
}

}  // namespace orrery
