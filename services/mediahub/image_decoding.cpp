#include "services/mediahub/image_decoding.hpp"

#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it before it

#include <jpeglib.h>
#include <png.h>

#include "services/mediahub/image.hpp"

namespace orrery::services {
namespace {

constexpr std::uint64_t kMostPixels = 40'000'000;

void refuse_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0 || width * height > kMostPixels) throw BadImage("its size is out of bounds");
}

/// libjpeg's own way out of an error ends the process, and what it has to say it prints.
struct JpegErrors {
  jpeg_error_mgr manager;  // the first member: libjpeg hands out a pointer to it
  std::jmp_buf way_out;
};

[[noreturn]] void leave(j_common_ptr info) { std::longjmp(reinterpret_cast<JpegErrors*>(info->err)->way_out, 1); }
void say_nothing(j_common_ptr) {}

/// A decoder and what it is told. No function that calls libjpeg may have locals with destructors: an error jumps over them.
class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes) : bytes_(bytes) {
    info_.err = ::jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = leave;
    errors_.manager.output_message = say_nothing;
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { ::jpeg_destroy_decompress(&info_); }

  [[nodiscard]] bool begin() {
    if (setjmp(errors_.way_out) != 0) return false;
    jpeg_create_decompress(&info_);
    ::jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    return ::jpeg_read_header(&info_, TRUE) == JPEG_HEADER_OK;
  }
  [[nodiscard]] std::uint32_t width() const noexcept { return info_.image_width; }
  [[nodiscard]] std::uint32_t height() const noexcept { return info_.image_height; }
  /// `pixels` has room for all rows.
  [[nodiscard]] bool read(std::uint8_t* pixels) {
    if (setjmp(errors_.way_out) != 0) return false;
    info_.out_color_space = JCS_RGB;
    ::jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels + std::size_t{3} * info_.output_width * info_.output_scanline;
      ::jpeg_read_scanlines(&info_, &row, 1);
    }
    return ::jpeg_finish_decompress(&info_) != FALSE;
  }

 private:
  std::string_view bytes_;
  JpegErrors errors_{};
  jpeg_decompress_struct info_{};
};

/// libpng's simplified reader: it reports errors instead of printing or jumping (libpng manual, section V).
class PngReader {
 public:
  PngReader() { image_.version = PNG_IMAGE_VERSION; }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { ::png_image_free(&image_); }
  png_image& image() noexcept { return image_; }

 private:
  png_image image_{};
};

}  // namespace

Pixels decoded_png(std::string_view bytes) {
  PngReader reader;
  png_image& image = reader.image();
  if (::png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) throw BadImage("it is damaged");
  refuse_size(image.width, image.height);
  image.format = PNG_FORMAT_RGB;
  Pixels pixels;
  pixels.width = image.width;
  pixels.height = image.height;
  pixels.bytes.resize(std::size_t{3} * image.width * image.height);
  const png_color white{255, 255, 255};
  if (::png_image_finish_read(&image, &white, pixels.bytes.data(), 0, nullptr) == 0) throw BadImage("it is damaged");
  return pixels;
}

Pixels decoded_jpeg(std::string_view bytes) {
  JpegReader reader(bytes);
  if (!reader.begin()) throw BadImage("it is damaged");
  refuse_size(reader.width(), reader.height());
  Pixels pixels;
  pixels.width = reader.width();
  pixels.height = reader.height();
  pixels.bytes.resize(std::size_t{3} * pixels.width * pixels.height);
  if (!reader.read(pixels.bytes.data())) throw BadImage("it is damaged");
  return pixels;
}

}  // namespace orrery::services
