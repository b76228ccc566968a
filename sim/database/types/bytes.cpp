// bytea: text form, operators, encode and decode, digests.

#include "sim/database/types/bytes.hpp"

#include "sim/database/types/errors.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string from_hex(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    if (is_space(text.front())) {
      text.remove_prefix(1);
      continue;
    }
    const auto digit = [](std::string_view at) {
      const int value = hex_digit(at.front());
      if (value < 0) {
        raise("22023", "invalid hexadecimal digit: \"" + std::string(at.substr(0, utf8_size(at.front()))) + "\"");
      }
      return value;
    };
    const int high = digit(text);
    if (text.size() == 1) raise("22023", "invalid hexadecimal data: odd number of digits");
    const int low = digit(text.substr(1));
    bytes.push_back(static_cast<char>(high * 16 + low));
    text.remove_prefix(2);
  }
  return bytes;
}

/// Lines of 76 characters, as RFC 2045 has it.
std::string to_base64(std::string_view bytes) {
  std::string text;
  std::size_t column = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text.push_back(k <= count ? kBase64[group >> (18 - 6 * k) & 63] : '=');
    }
    column += 4;
    if (column == 76 && count == 3) {
      text.push_back('\n');
      column = 0;
    }
  }
  return text;
}

std::string from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t group = 0;
  int place = 0;
  int end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    std::uint32_t value = 0;
    if (c == '=') {
      if (end == 0) {
        if (place != 2 && place != 3) raise("22023", "unexpected \"=\" while decoding base64 sequence");
        end = place == 2 ? 1 : 2;
      }
    } else {
      const std::size_t found = kBase64.find(c);
      if (found == std::string_view::npos) {
        raise("22023", "invalid symbol \"" + std::string(text.substr(i, utf8_size(c))) +
                           "\" found while decoding base64 sequence");
      }
      value = static_cast<std::uint32_t>(found);
    }
    group = group << 6 | value;
    if (++place == 4) {
      bytes.push_back(static_cast<char>(group >> 16));
      if (end == 0 || end > 1) bytes.push_back(static_cast<char>(group >> 8));
      if (end == 0) bytes.push_back(static_cast<char>(group));
      group = 0;
      place = 0;
    }
  }
  if (place != 0) {
    raise("22023", "invalid base64 end sequence", {},
          "Input data is missing padding, is truncated, or is otherwise corrupted.");
  }
  return bytes;
}

std::string to_escape(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte >= 0x80) {
      text.push_back('\\');
      text.push_back(static_cast<char>('0' + (byte >> 6)));
      text.push_back(static_cast<char>('0' + (byte >> 3 & 7)));
      text.push_back(static_cast<char>('0' + (byte & 7)));
    } else if (c == '\\') {
      text += "\\\\";
    } else {
      text.push_back(c);
    }
  }
  return text;
}

std::string from_escape(std::string_view text) {
  std::string bytes;
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
    } else if (i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3' && octal(text[i + 2]) &&
               octal(text[i + 3])) {
      bytes.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      bytes.push_back('\\');
      ++i;
    } else {
      raise("22P02", "invalid input syntax for type bytea");
    }
  }
  return bytes;
}

[[noreturn]] void raise_encoding(std::string_view name) {
  raise("22023", "unrecognized encoding: \"" + std::string(name) + "\"");
}

bool is_utf8_name(std::string_view name) {
  return equals_ignoring_case(name, "utf8") || equals_ignoring_case(name, "utf-8");
}

template <class Digest>
Value digest_of(const Value& value, Digest digest) {
  return Value::bytes(digest(value.bytes()));
}

Value hex_md5(Arguments a, const CallSite&, const EvalContext&) {
  std::string text;
  append_hex(text, md5_digest(a[0].bytes()));
  return Value::bytes(text);
}

std::int64_t checked_index(const Value& bytes, std::int64_t index, std::int64_t size) {
  if (index < 0 || index >= size) {
    raise("2202E", "index " + std::to_string(index) + " out of valid range, 0.." +
                       std::to_string(static_cast<std::int64_t>(bytes.bytes().size()) - 1));
  }
  return index;
}

}  // namespace

void append_hex(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : bytes) {
    out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
}

void append_bytea(std::string& out, std::string_view bytes) {
  out += "\\x";
  append_hex(out, bytes);
}

Value bytea_from_text(std::string_view text) {
  if (text.starts_with("\\x")) return Value::bytes(from_hex(text.substr(2)));
  return Value::bytes(from_escape(text));
}

void register_bytes(Registry& registry) {
  using Site = CallSite;
  using Context = EvalContext;
  registry.op("bytea || bytea -> bytea", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(std::string(a[0].bytes()) += a[1].bytes());
  });
  const ScalarImplementation size = [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(a[0].bytes().size()));
  };
  registry.function("length(bytea) -> int4", size);
  registry.function("octet_length(bytea) -> int4", size);
  registry.function("bit_length(bytea) -> int4", [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(a[0].bytes().size()) * 8);
  });
  registry.function("sha224(bytea) -> bytea", [](Arguments a, const Site&, const Context&) {
    return digest_of(a[0], [](std::string_view bytes) { return sha256_digest(bytes, true); });
  });
  registry.function("sha256(bytea) -> bytea", [](Arguments a, const Site&, const Context&) {
    return digest_of(a[0], [](std::string_view bytes) { return sha256_digest(bytes); });
  });
  registry.function("sha384(bytea) -> bytea", [](Arguments a, const Site&, const Context&) {
    return digest_of(a[0], [](std::string_view bytes) { return sha512_digest(bytes, true); });
  });
  registry.function("sha512(bytea) -> bytea", [](Arguments a, const Site&, const Context&) {
    return digest_of(a[0], [](std::string_view bytes) { return sha512_digest(bytes); });
  });
  registry.function("md5(bytea) -> text", hex_md5);
  registry.function("md5(text) -> text", hex_md5);
  registry.function("hashtext(text) -> int4", [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int32_t>(postgres_hash(a[0].bytes())));
  });
  registry.function("hashtextextended(text, int8) -> int8", [](Arguments a, const Site&, const Context&) {
    return Value::integer(
        static_cast<std::int64_t>(postgres_hash_extended(a[0].bytes(), static_cast<std::uint64_t>(a[1].integer()))));
  });
  registry.function("encode(bytea, text) -> text", [](Arguments a, const Site&, const Context&) {
    const std::string_view format = a[1].bytes();
    if (equals_ignoring_case(format, "hex")) {
      std::string text;
      append_hex(text, a[0].bytes());
      return Value::bytes(text);
    }
    if (equals_ignoring_case(format, "base64")) return Value::bytes(to_base64(a[0].bytes()));
    if (equals_ignoring_case(format, "escape")) return Value::bytes(to_escape(a[0].bytes()));
    raise_encoding(format);
  });
  registry.function("decode(text, text) -> bytea", [](Arguments a, const Site&, const Context&) {
    const std::string_view format = a[1].bytes();
    if (equals_ignoring_case(format, "hex")) return Value::bytes(from_hex(a[0].bytes()));
    if (equals_ignoring_case(format, "base64")) return Value::bytes(from_base64(a[0].bytes()));
    if (equals_ignoring_case(format, "escape")) return Value::bytes(from_escape(a[0].bytes()));
    raise_encoding(format);
  });
  registry.function("convert_to(text, name) -> bytea", [](Arguments a, const Site&, const Context&) {
    if (!is_utf8_name(a[1].bytes())) raise_unsupported("encoding \"" + std::string(a[1].bytes()) + "\"");
    return a[0];
  });
  registry.function("convert_from(bytea, name) -> text", [](Arguments a, const Site&, const Context&) {
    if (!is_utf8_name(a[1].bytes())) raise_unsupported("encoding \"" + std::string(a[1].bytes()) + "\"");
    check_utf8(a[0].bytes());
    return a[0];
  });
  registry.function("get_byte(bytea, int4) -> int4", [](Arguments a, const Site&, const Context&) {
    const std::string_view bytes = a[0].bytes();
    const std::int64_t index = checked_index(a[0], a[1].integer(), static_cast<std::int64_t>(bytes.size()));
    return Value::integer(static_cast<unsigned char>(bytes[static_cast<std::size_t>(index)]));
  });
  registry.function("set_byte(bytea, int4, int4) -> bytea", [](Arguments a, const Site&, const Context&) {
    std::string bytes(a[0].bytes());
    const std::int64_t index = checked_index(a[0], a[1].integer(), static_cast<std::int64_t>(bytes.size()));
    bytes[static_cast<std::size_t>(index)] = static_cast<char>(a[2].integer());
    return Value::bytes(bytes);
  });
}

}  // namespace orrery::sim::database
