#pragma once

#include <stdexcept>
#include <string>

namespace orrery {

/// What a failed call leaves behind. Maelstrom calls the two definite and indefinite errors.
enum class Effect {
  did_not_happen,     // safe to try again
  may_have_happened,  // the request may have been carried out; trying again may do it twice
};

[[nodiscard]] constexpr const char* to_string(Effect effect) noexcept {
  return effect == Effect::did_not_happen ? "did not happen" : "may have happened";
}

/// A call that the world made fail. Bugs are not failures: they are CHECKs.
class Failure : public std::runtime_error {
 public:
  Failure(Effect effect, const std::string& what) : std::runtime_error(what), effect_(effect) {}
  [[nodiscard]] Effect effect() const noexcept { return effect_; }
  [[nodiscard]] bool may_have_happened() const noexcept { return effect_ == Effect::may_have_happened; }

 private:
  Effect effect_;
};

}  // namespace orrery
