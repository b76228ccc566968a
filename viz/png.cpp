#include "viz/png.hpp"

#include <cairo.h>
#include <fmt/format.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <memory>
#include <stdexcept>

namespace orrery::viz {
namespace {

constexpr double kMostPixels = 32767;  // cairo keeps coordinates in 16.8 fixed point

struct Release {
  void operator()(GInputStream* stream) const { g_object_unref(stream); }
  void operator()(RsvgHandle* handle) const { g_object_unref(handle); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  void operator()(GError* error) const { g_error_free(error); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

[[noreturn]] void fail(GError* error) {
  const Owned<GError> owned(error);
  throw std::runtime_error(fmt::format("PNG: {}", error == nullptr ? "the picture cannot be drawn" : error->message));
}

cairo_status_t append(void* bytes, const unsigned char* data, unsigned int length) {
  static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

std::string png_of(std::string_view svg, double scale) {
  GError* error = nullptr;
  // A long run's picture has text nodes larger than libxml2 takes by default.
  const Owned<GInputStream> stream(g_memory_input_stream_new_from_data(svg.data(), static_cast<gssize>(svg.size()), nullptr));
  const Owned<RsvgHandle> handle(
      rsvg_handle_new_from_stream_sync(stream.get(), nullptr, RSVG_HANDLE_FLAG_UNLIMITED, nullptr, &error));
  if (handle == nullptr) fail(error);
  double width = 0;
  double height = 0;
  if (!rsvg_handle_get_intrinsic_size_in_pixels(handle.get(), &width, &height)) fail(nullptr);
  if (width * scale > kMostPixels || height * scale > kMostPixels) scale = 1;
  if (width > kMostPixels || height > kMostPixels) {
    throw std::runtime_error(fmt::format(
        "PNG: the picture is {:.0f} x {:.0f} pixels, more than {:.0f}: write an .svg, or narrow it (--around, --trace, --hosts)", width,
        height, kMostPixels));
  }
  const Owned<cairo_surface_t> surface(cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, static_cast<int>(std::ceil(width * scale)), static_cast<int>(std::ceil(height * scale))));
  const Owned<cairo_t> cairo(cairo_create(surface.get()));
  const RsvgRectangle viewport{0, 0, width * scale, height * scale};
  if (!rsvg_handle_render_document(handle.get(), cairo.get(), &viewport, &error)) fail(error);
  std::string png;
  const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), append, &png);
  if (status != CAIRO_STATUS_SUCCESS) throw std::runtime_error(fmt::format("PNG: {}", cairo_status_to_string(status)));
  return png;
}

}  // namespace orrery::viz
