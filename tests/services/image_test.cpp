#include "services/mediahub/image.hpp"

#include <gtest/gtest.h>

#include "services/mediahub/media_command.hpp"

namespace orrery::services {
namespace {

/// Width and height of a PNG (PNG specification, 11.2.2).
std::pair<int, int> size_of(const std::string& png) {
  const auto number = [&png](std::size_t at) {
    int value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value * 256 + static_cast<unsigned char>(png[at + i]);
    return value;
  };
  return {number(16), number(20)};
}

TEST(Thumbnail, IsASquareOfBothKindsAndAnyShape) {
  for (const char* type : {"image/png", "image/jpeg"}) {
    for (const auto& [width, height] : {std::pair{640, 480}, {3, 90}, {1, 1}, {200, 200}}) {
      const std::string image = plain_image(type, width, height, 17);
      EXPECT_EQ(image_type(image), type);
      const std::string small = thumbnail_of(image, 200);
      EXPECT_EQ(image_type(small), "image/png");
      EXPECT_EQ(size_of(small), std::pair(200, 200)) << type << " " << width << "x" << height;
    }
  }
}

TEST(Thumbnail, IsNotMadeOfWhatIsCutShortOrNoPicture) {
  const std::string png = plain_image("image/png", 64, 64, 5);
  for (std::size_t size = 0; size < png.size() - 12; size += 7) {  // the last chunk is empty: its loss is none
    EXPECT_THROW((void)thumbnail_of(std::string_view(png).substr(0, size), 8), BadImage) << size;
  }
  EXPECT_THROW((void)thumbnail_of("hello", 8), BadImage);
  EXPECT_EQ(image_type("GIF89a"), "");
}

TEST(Thumbnail, OfADamagedPictureLeavesNothingOnStandardError) {
  std::string png = plain_image("image/png", 32, 32, 5);
  png[png.size() / 2] ^= 0x5a;
  const std::string jpeg = plain_image("image/jpeg", 64, 64, 5);
  testing::internal::CaptureStderr();
  EXPECT_THROW((void)thumbnail_of(png, 8), BadImage);
  EXPECT_THROW((void)thumbnail_of(jpeg.substr(0, 20), 8), BadImage);
  for (std::size_t size = 3; size < jpeg.size(); size += 11) {
    try {
      (void)thumbnail_of(std::string_view(jpeg).substr(0, size), 8);  // as far as it goes
    } catch (const BadImage&) {
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Thumbnail, IsNotMadeOfAPictureThatWouldNotFitIntoMemory) {
  std::string bomb = plain_image("image/png", 8, 8, 5);
  bomb[17] = '\x7f';  // a width of eight million pixels, with a checksum that no longer fits
  bomb[21] = '\x7f';
  EXPECT_THROW((void)thumbnail_of(bomb, 8), BadImage);
}

TEST(Filename, IsANameAndNoPath) {
  EXPECT_TRUE(is_filename("Ōe Kenzaburō.png"));
  for (const char* bad : {"", ".", "..", "a/b", "../../etc/passwd", "a\\b", "a\nb"}) EXPECT_FALSE(is_filename(bad)) << bad;
  EXPECT_FALSE(is_filename(std::string(201, 'a')));
}

}  // namespace
}  // namespace orrery::services
