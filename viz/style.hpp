#pragma once

#include <string_view>

/// Colours and sizes of all pictures. The colours are those of M. Okabe and K. Ito, "Color Universal Design" (2008), which readers with
/// any colour vision tell apart; everything that a colour says is said by a form or a dash, too. Text is never smaller than 11 pixels.
namespace orrery::viz {

inline constexpr std::string_view kInk = "#1a1a1a";
inline constexpr std::string_view kMuted = "#5f6368";
inline constexpr std::string_view kFaint = "#c4c7cc";
inline constexpr std::string_view kBlue = "#0072b2";        // what went as it should
inline constexpr std::string_view kGreen = "#009e73";       // committed, ended well
inline constexpr std::string_view kVermillion = "#d55e00";  // struck, lost, failed
inline constexpr std::string_view kOrange = "#e69f00";      // late
inline constexpr std::string_view kPurple = "#a8487d";      // again; a darker reddish purple, for its contrast on white
inline constexpr std::string_view kMarker = "#f6eeb0";      // behind evidence

inline constexpr std::string_view kSans = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif";
inline constexpr std::string_view kMono = "DejaVu Sans Mono,Menlo,Consolas,monospace";

inline constexpr double kTextSize = 11.5;
inline constexpr double kLineHeight = 14;
inline constexpr double kSmallText = 11;

}  // namespace orrery::viz
