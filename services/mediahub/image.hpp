#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace orrery::services {

/// A picture that cannot be read: not of a known kind, cut short, damaged, or too large to be worth it.
class BadImage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "image/png" or "image/jpeg" by the first bytes (PNG specification, 5.2; ISO/IEC 10918-1, B.1.1.3), whatever a client says it
/// is; empty if it is neither.
[[nodiscard]] std::string_view image_type(std::string_view bytes) noexcept;

/// A PNG of `side` × `side` pixels: the largest square in the middle, scaled. Throws BadImage; also for pictures of more than
/// 40 megapixels, which are found out before memory is taken for them.
[[nodiscard]] std::string thumbnail_of(std::string_view bytes, int side);

/// A picture of one colour, for tests and workloads: `type` is "image/png" or "image/jpeg".
[[nodiscard]] std::string plain_image(std::string_view type, int width, int height, int colour);

}  // namespace orrery::services
