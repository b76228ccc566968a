// Functions on text (manual, 9.4). Positions and lengths count characters of UTF-8.

#include <algorithm>
#include <climits>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/object_names.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

using Site = CallSite;
using Context = EvalContext;

std::string_view character_at(std::string_view text) { return text.substr(0, utf8_size(text.front())); }

template <bool front, bool back>
std::string_view strip(std::string_view text, std::string_view set) {
  const auto in_set = [set](std::string_view character) {
    for (std::size_t i = 0; i < set.size(); i += utf8_size(set[i])) {
      if (set.substr(i, utf8_size(set[i])) == character) return true;
    }
    return false;
  };
  if (front) {
    while (!text.empty() && in_set(character_at(text))) text.remove_prefix(character_at(text).size());
  }
  if (back) {
    while (!text.empty()) {
      std::size_t start = text.size() - 1;
      while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
      if (!in_set(text.substr(start))) break;
      text.remove_suffix(text.size() - start);
    }
  }
  return text;
}

template <bool front, bool back>
void register_trim(Registry& registry, std::string_view spaces, std::string_view characters) {
  registry.function(spaces, [](Arguments a, const Site&, const Context&) {
    return Value::bytes(strip<front, back>(a[0].bytes(), " "));
  });
  registry.function(characters, [](Arguments a, const Site&, const Context&) {
    return Value::bytes(strip<front, back>(a[0].bytes(), a[1].bytes()));
  });
}

/// Characters [start, start + length) counted from 1; what lies outside of the text is left out.
std::string_view substring(std::string_view text, std::int64_t start, std::int64_t length, bool characters) {
  std::int64_t end;
  if (__builtin_add_overflow(start, length, &end)) end = INT64_MAX;
  if (length < 0) raise("22011", "negative substring length not allowed");
  start = std::max<std::int64_t>(start, 1);
  if (end <= start) return {};
  const auto skip = static_cast<std::size_t>(start - 1);
  const auto take = static_cast<std::size_t>(end - start);
  if (!characters) return skip >= text.size() ? std::string_view{} : text.substr(skip, take);
  const std::string_view rest = text.substr(utf8_offset(text, skip));
  return rest.substr(0, utf8_offset(rest, take));
}

std::int64_t position(std::string_view text, std::string_view part) {
  if (part.empty()) return 1;
  const std::size_t found = text.find(part);
  return found == std::string_view::npos ? 0 : static_cast<std::int64_t>(utf8_length(text.substr(0, found))) + 1;
}

/// The first `count` characters; negative: all but the last ones.
std::string_view left(std::string_view text, std::int64_t count) {
  if (count < 0) count = std::max<std::int64_t>(0, static_cast<std::int64_t>(utf8_length(text)) + count);
  return text.substr(0, utf8_offset(text, static_cast<std::size_t>(count)));
}
std::string_view right(std::string_view text, std::int64_t count) {
  const auto length = static_cast<std::int64_t>(utf8_length(text));
  const std::int64_t skip = count < 0 ? std::min(length, -count) : std::max<std::int64_t>(0, length - count);
  return text.substr(utf8_offset(text, static_cast<std::size_t>(skip)));
}

std::string replace(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string result;
  while (true) {
    const std::size_t found = text.find(from);
    result += text.substr(0, found);
    if (found == std::string_view::npos) return result;
    result += to;
    text.remove_prefix(found + from.size());
  }
}

std::string repeat(std::string_view text, std::int64_t count) {
  std::string result;
  if (count <= 0) return result;
  if (static_cast<double>(text.size()) * static_cast<double>(count) > 1'073'741'819) {
    raise("54000", "requested length too large");
  }
  result.reserve(text.size() * static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) result += text;
  return result;
}

std::string fill_of(std::string_view fill, std::int64_t count) {
  std::string result;
  std::size_t at = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (at >= fill.size()) at = 0;
    const std::size_t size = utf8_size(fill[at]);
    result += fill.substr(at, size);
    at += size;
  }
  return result;
}

template <bool at_front>
Value pad(std::string_view text, std::int64_t width, std::string_view fill) {
  if (width < 0) width = 0;
  if (width > 268'435'454) raise("54000", "requested length too large");
  const auto length = static_cast<std::int64_t>(utf8_length(text));
  if (length >= width || fill.empty()) return Value::bytes(left(text, std::min(width, length)));
  const std::string filling = fill_of(fill, width - length);
  return Value::bytes(at_front ? filling + std::string(text) : std::string(text) + filling);
}

std::string reverse(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t start = end - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    result += text.substr(start, end - start);
    end = start;
  }
  return result;
}

/// The n-th part between separators, from the end if n is negative; empty if there is none.
Value split_part(Arguments a, const Site&, const Context&) {
  const std::string_view text = a[0].bytes();
  const std::string_view separator = a[1].bytes();
  std::int64_t wanted = a[2].integer();
  if (wanted == 0) raise("22023", "field position must not be zero");
  std::vector<std::string_view> parts;
  std::string_view rest = text;
  while (true) {
    const std::size_t found = separator.empty() ? std::string_view::npos : rest.find(separator);
    parts.push_back(rest.substr(0, found));
    if (found == std::string_view::npos) break;
    rest.remove_prefix(found + separator.size());
  }
  const auto count = static_cast<std::int64_t>(parts.size());
  if (text.empty()) return Value::bytes({});
  if (wanted < 0) wanted += count + 1;
  if (wanted < 1 || wanted > count) return Value::bytes({});
  return Value::bytes(parts[static_cast<std::size_t>(wanted - 1)]);
}

std::string initcap(std::string_view text) {
  std::string result(text);
  bool inside = false;
  for (char& c : result) {
    c = inside ? to_lower(c) : to_upper(c);
    inside = is_letter(c) || is_digit(c);
  }
  return result;
}

std::string translate(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += utf8_size(text[i])) {
    const std::string_view character = text.substr(i, utf8_size(text[i]));
    std::size_t index = 0;
    std::size_t at = 0;
    bool found = false;
    for (; at < from.size(); at += utf8_size(from[at]), ++index) {
      if (from.substr(at, utf8_size(from[at])) == character) {
        found = true;
        break;
      }
    }
    if (!found) {
      result += character;
      continue;
    }
    const std::size_t target = utf8_offset(to, index);
    if (target < to.size()) result += to.substr(target, utf8_size(to[target]));
  }
  return result;
}

/// concat and concat_ws print values as output functions do, and leave NULLs out.
Value concatenate(Arguments a, const Site& site, const Context&) {
  std::string result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i].is_null()) append_output_text(result, site.arguments[i], a[i]);
  }
  return Value::bytes(result);
}
Value concatenate_with(Arguments a, const Site& site, const Context&) {
  if (a[0].is_null()) return {};
  std::string result;
  bool first = true;
  for (std::size_t i = 1; i < a.size(); ++i) {
    if (a[i].is_null()) continue;
    if (!first) result += a[0].bytes();
    first = false;
    append_output_text(result, site.arguments[i], a[i]);
  }
  return Value::bytes(result);
}

std::string quote_literal(std::string_view text) {
  std::string result = text.find('\\') != std::string_view::npos ? "E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result.push_back(c);
    result.push_back(c);
  }
  return result + "'";
}

/// To so many characters; a negative width leaves what is written on the left.
void append_padded(std::string& out, std::string_view text, std::int64_t width) {
  const auto wanted = static_cast<std::size_t>(width < 0 ? -width : width);
  const std::size_t length = utf8_length(text);
  const std::string padding(wanted > length ? wanted - length : 0, ' ');
  out += width < 0 ? std::string(text) + padding : padding + std::string(text);
}

/// format(): %s, %I, %L, %% with `n$`, `-` and a width.
Value format(Arguments a, const Site& site, const Context&) {
  if (a[0].is_null()) return {};
  const std::string_view pattern = a[0].bytes();
  std::string result;
  std::size_t next = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      result.push_back(pattern[i]);
      continue;
    }
    const auto current = [&] {
      if (++i >= pattern.size()) {
        raise("22023", "unterminated format() type specifier", {}, "For a single \"%\" use \"%%\".");
      }
      return pattern[i];
    };
    char c = current();
    if (c == '%') {
      result.push_back('%');
      continue;
    }
    const auto digits = [&] {
      std::int64_t number = 0;
      for (; is_digit(c); c = current()) {
        number = number * 10 + (c - '0');
        if (number > INT32_MAX) raise("22003", "number is out of range");
      }
      return number;
    };
    const bool begins_with_digit = is_digit(c);
    std::int64_t width = digits();
    if (begins_with_digit && c == '$') {
      if (width == 0) raise("22023", "format specifies argument 0, but arguments are numbered from 1");
      next = static_cast<std::size_t>(width);
      width = 0;
      c = current();
    }
    bool is_left = false;
    if (width == 0) {
      for (; c == '-'; c = current()) is_left = true;
      if (c == '*') raise_unsupported("a width in format() that an argument gives");
      width = digits();
    }
    if (width > 1'000'000) raise_unsupported("a width in format() of more than a million");
    if (is_left) width = -width;
    if (c != 's' && c != 'I' && c != 'L') {
      raise("22023", std::string("unrecognized format() type specifier \"") + c + "\"", {},
            "For a single \"%\" use \"%%\".");
    }
    if (next >= a.size()) raise("22023", "too few arguments for format()");
    const Value& argument = a[next];
    if (argument.is_null()) {
      if (c == 'I') raise("22004", "null values cannot be formatted as an SQL identifier");
      append_padded(result, c == 'L' ? "NULL" : "", width);
    } else {
      const std::string text = output_text(site.arguments[next], argument);
      append_padded(result, c == 's' ? text : c == 'I' ? quote_identifier(text) : quote_literal(text), width);
    }
    ++next;
  }
  return Value::bytes(result);
}

template <std::string_view (*part)(std::string_view, std::int64_t)>
Value part_of(Arguments a, const Site&, const Context&) {
  return Value::bytes(part(a[0].bytes(), a[1].integer()));
}

}  // namespace

std::uint32_t utf8_code_point(std::string_view character) noexcept {
  const auto byte = [character](std::size_t i) {
    return i < character.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(character[i])) : 0U;
  };
  switch (utf8_size(character.front())) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3:
      return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  }
}

void check_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (i < text.size()) {
    const unsigned char lead = byte(i);
    if (lead != 0 && lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    bool valid = lead >= 0xc2 && lead <= 0xf4 && i + size <= text.size();
    for (std::size_t k = 1; valid && k < size; ++k) valid = (byte(i + k) & 0xc0) == 0x80;
    if (valid && size > 2) {
      // Neither overlong forms, nor surrogates, nor beyond U+10FFFF.
      const std::uint32_t code = utf8_code_point(text.substr(i, size));
      valid = size == 3 ? code >= 0x800 && !(code >= 0xd800 && code <= 0xdfff) : code >= 0x10000 && code <= 0x10ffff;
    }
    if (!valid) {
      static constexpr char kHex[] = "0123456789abcdef";
      std::string bytes;
      for (std::size_t k = i; k < std::min(i + size, text.size()); ++k) {
        if (k != i) bytes.push_back(' ');
        bytes += {'0', 'x', kHex[byte(k) >> 4], kHex[byte(k) & 15]};
      }
      raise("22021", "invalid byte sequence for encoding \"UTF8\": " + bytes);
    }
    i += size;
  }
}

std::string ascii_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}
std::string ascii_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_upper(c);
  return result;
}

void register_text(Registry& registry) {
  registry.op("text || text -> text", [](Arguments a, const Site&, const Context&) {
    const std::string_view x = a[0].bytes();
    const std::string_view y = a[1].bytes();
    return Value::bytes_filled_by(x.size() + y.size(), [&](char* room) {
      std::copy(x.begin(), x.end(), room);
      std::copy(y.begin(), y.end(), room + x.size());
    });
  });
  const ScalarImplementation join_any = [](Arguments a, const Site& site, const Context&) {
    return Value::bytes(text_of(site.arguments[0], a[0]) + text_of(site.arguments[1], a[1]));
  };
  registry.op("text || anynonarray -> text", join_any, kStable);
  registry.op("anynonarray || text -> text", join_any, kStable);
  registry.op("text ^@ text -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(a[0].bytes().starts_with(a[1].bytes()));
  });
  registry.function("starts_with(text, text) -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(a[0].bytes().starts_with(a[1].bytes()));
  });
  const ScalarImplementation length = [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(utf8_length(a[0].bytes())));
  };
  const ScalarImplementation padded_length = [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(utf8_length(strip<false, true>(a[0].bytes(), " "))));
  };
  const ScalarImplementation size = [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(a[0].bytes().size()));
  };
  registry.function("length(text) -> int4", length);
  registry.function("char_length(text) -> int4", length);
  registry.function("character_length(text) -> int4", length);
  registry.function("length(bpchar) -> int4", padded_length);
  registry.function("char_length(bpchar) -> int4", padded_length);
  registry.function("character_length(bpchar) -> int4", padded_length);
  registry.function("octet_length(text) -> int4", size);
  registry.function("octet_length(bpchar) -> int4", size);
  registry.function("bit_length(text) -> int4", [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(a[0].bytes().size()) * 8);
  });
  registry.function("lower(text) -> text",
                    [](Arguments a, const Site&, const Context&) { return Value::bytes(ascii_lower(a[0].bytes())); });
  registry.function("upper(text) -> text",
                    [](Arguments a, const Site&, const Context&) { return Value::bytes(ascii_upper(a[0].bytes())); });
  registry.function("initcap(text) -> text",
                    [](Arguments a, const Site&, const Context&) { return Value::bytes(initcap(a[0].bytes())); });
  const ScalarImplementation find = [](Arguments a, const Site&, const Context&) {
    return Value::integer(position(a[0].bytes(), a[1].bytes()));
  };
  registry.function("position(text, text) -> int4", find);
  registry.function("strpos(text, text) -> int4", find);
  registry.function("position(bytea, bytea) -> int4", [](Arguments a, const Site&, const Context&) {
    const std::size_t found = a[0].bytes().find(a[1].bytes());
    return Value::integer(found == std::string_view::npos ? 0 : static_cast<std::int64_t>(found) + 1);
  });
  const ScalarImplementation from_to = [](Arguments a, const Site&, const Context&) {
    return Value::bytes(substring(a[0].bytes(), a[1].integer(), a[2].integer(), true));
  };
  const ScalarImplementation from = [](Arguments a, const Site&, const Context&) {
    return Value::bytes(substring(a[0].bytes(), a[1].integer(), INT64_MAX, true));
  };
  registry.function("substring(text, int4, int4) -> text", from_to);
  registry.function("substring(text, int4) -> text", from);
  registry.function("substr(text, int4, int4) -> text", from_to);
  registry.function("substr(text, int4) -> text", from);
  registry.function("substring(bytea, int4, int4) -> bytea", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(substring(a[0].bytes(), a[1].integer(), a[2].integer(), false));
  });
  registry.function("substring(bytea, int4) -> bytea", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(substring(a[0].bytes(), a[1].integer(), INT64_MAX, false));
  });
  registry.function("left(text, int4) -> text", part_of<left>);
  registry.function("right(text, int4) -> text", part_of<right>);
  register_trim<true, true>(registry, "btrim(text) -> text", "btrim(text, text) -> text");
  register_trim<true, false>(registry, "ltrim(text) -> text", "ltrim(text, text) -> text");
  register_trim<false, true>(registry, "rtrim(text) -> text", "rtrim(text, text) -> text");
  registry.function("replace(text, text, text) -> text", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(replace(a[0].bytes(), a[1].bytes(), a[2].bytes()));
  });
  registry.function("translate(text, text, text) -> text", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(translate(a[0].bytes(), a[1].bytes(), a[2].bytes()));
  });
  registry.function("overlay(text, text, int4, int4) -> text", [](Arguments a, const Site&, const Context&) {
    const std::int64_t start = a[2].integer();
    if (start <= 0) raise("22011", "negative substring length not allowed");
    const std::int64_t after = start + a[3].integer();
    std::string result(substring(a[0].bytes(), 1, start - 1, true));
    result += a[1].bytes();
    result += substring(a[0].bytes(), after, INT64_MAX, true);
    return Value::bytes(result);
  });
  registry.function("split_part(text, text, int4) -> text", split_part);
  registry.function("repeat(text, int4) -> text", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(repeat(a[0].bytes(), a[1].integer()));
  });
  registry.function("reverse(text) -> text",
                    [](Arguments a, const Site&, const Context&) { return Value::bytes(reverse(a[0].bytes())); });
  registry.function("lpad(text, int4) -> text", [](Arguments a, const Site&, const Context&) {
    return pad<true>(a[0].bytes(), a[1].integer(), " ");
  });
  registry.function("lpad(text, int4, text) -> text", [](Arguments a, const Site&, const Context&) {
    return pad<true>(a[0].bytes(), a[1].integer(), a[2].bytes());
  });
  registry.function("rpad(text, int4) -> text", [](Arguments a, const Site&, const Context&) {
    return pad<false>(a[0].bytes(), a[1].integer(), " ");
  });
  registry.function("rpad(text, int4, text) -> text", [](Arguments a, const Site&, const Context&) {
    return pad<false>(a[0].bytes(), a[1].integer(), a[2].bytes());
  });
  registry.function("concat(variadic any) -> text", concatenate, kStable | kNullable);
  registry.function("concat_ws(text, variadic any) -> text", concatenate_with, kStable | kNullable);
  registry.function("format(text) -> text", format, kStable | kNullable);
  registry.function("format(text, variadic any) -> text", format, kStable | kNullable);
  registry.function("quote_ident(text) -> text", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(quote_identifier(a[0].bytes()));
  });
  registry.function("quote_literal(text) -> text",
                    [](Arguments a, const Site&, const Context&) { return Value::bytes(quote_literal(a[0].bytes())); });
  registry.function(
      "quote_literal(anyelement) -> text",
      [](Arguments a, const Site& site, const Context&) {
        return Value::bytes(quote_literal(text_of(site.arguments[0], a[0])));
      },
      kStable);
  registry.function("ascii(text) -> int4", [](Arguments a, const Site&, const Context&) {
    return Value::integer(a[0].bytes().empty() ? 0 : utf8_code_point(a[0].bytes()));
  });
  registry.function("to_hex(int4) -> text", [](Arguments a, const Site&, const Context&) {
    char text[20];
    return Value::bytes({text, static_cast<std::size_t>(
                                   std::snprintf(text, sizeof text, "%x", static_cast<unsigned>(a[0].integer())))});
  });
  registry.function("to_hex(int8) -> text", [](Arguments a, const Site&, const Context&) {
    char text[20];
    return Value::bytes({text, static_cast<std::size_t>(std::snprintf(
                                   text, sizeof text, "%llx", static_cast<unsigned long long>(a[0].integer())))});
  });
}

}  // namespace orrery::sim::database
