#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace orrery::services {

/// Rows from the top, of three bytes a pixel: red, green, blue.
class Pixels {
 public:
  Pixels() = default;

  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> bytes;
};

/// Pictures in memory, by libpng and libjpeg. What is transparent becomes white. Throw BadImage for what is damaged or has more
/// than 40 megapixels, which is found out before memory is taken for them. A JPEG whose end is missing is read as far as it goes,
/// as browsers do.
[[nodiscard]] Pixels decoded_png(std::string_view bytes);
[[nodiscard]] Pixels decoded_jpeg(std::string_view bytes);

}  // namespace orrery::services
