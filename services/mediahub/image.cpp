#include "services/mediahub/image.hpp"

#include <algorithm>
#include <boost/gil.hpp>
#include <boost/gil/extension/io/jpeg.hpp>
#include <boost/gil/extension/io/png.hpp>
#include <boost/gil/extension/numeric/resample.hpp>
#include <boost/gil/extension/numeric/sampler.hpp>
#include <sstream>

#include "runtime/check.hpp"
#include "services/mediahub/image_decoding.hpp"

namespace orrery::services {
namespace {

namespace gil = boost::gil;

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kJpegStart("\xff\xd8\xff", 3);

template <class Format>
std::string encoded(const gil::rgb8_image_t& image, const Format& format) {
  std::ostringstream out;
  gil::write_view(out, gil::const_view(image), format);
  return std::move(out).str();
}

}  // namespace

std::string_view image_type(std::string_view bytes) noexcept {
  if (bytes.starts_with(kPngSignature)) return "image/png";
  if (bytes.starts_with(kJpegStart)) return "image/jpeg";
  return {};
}

std::string thumbnail_of(std::string_view bytes, int side) {
  CHECK(side > 0, "a thumbnail has pixels");
  const std::string_view type = image_type(bytes);
  if (type.empty()) throw BadImage("it is neither PNG nor JPEG");
  const Pixels pixels = type == "image/png" ? decoded_png(bytes) : decoded_jpeg(bytes);
  const auto image = gil::interleaved_view(pixels.width, pixels.height, reinterpret_cast<const gil::rgb8_pixel_t*>(pixels.bytes.data()),
                                           std::ptrdiff_t{3} * pixels.width);
  const std::ptrdiff_t square = std::min(image.width(), image.height());
  const auto middle = gil::subimage_view(image, (image.width() - square) / 2, (image.height() - square) / 2, square, square);
  gil::rgb8_image_t small(side, side, gil::rgb8_pixel_t(0, 0, 0));
  // The bilinear sampler leaves out pixels at the edge, which have only some of their neighbours.
  gil::resize_view(middle, gil::view(small), gil::nearest_neighbor_sampler());
  gil::resize_view(middle, gil::view(small), gil::bilinear_sampler());
  return encoded(small, gil::png_tag());
}

std::string plain_image(std::string_view type, int width, int height, int colour) {
  gil::rgb8_image_t image(width, height);
  const gil::rgb8_pixel_t pixel(static_cast<unsigned char>(colour), static_cast<unsigned char>(colour * 3),
                                static_cast<unsigned char>(colour * 7));
  gil::fill_pixels(gil::view(image), pixel);
  if (type != "image/jpeg") return encoded(image, gil::png_tag());
  std::string bytes = encoded(image, gil::jpeg_tag());
  // The library writes its whole last buffer, whatever is in it: what comes after the end marker is not the picture's.
  const std::size_t end = bytes.find("\xff\xd9");
  CHECK(end != std::string::npos, "a JPEG has an end marker");
  bytes.resize(end + 2);
  return bytes;
}

}  // namespace orrery::services
