#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// bytea's hex form `\x…` and its older escape form. Throws 22P02.
[[nodiscard]] Value bytea_from_text(std::string_view text);
/// The hex form.
void append_bytea(std::string& out, std::string_view bytes);
void append_hex(std::string& out, std::string_view bytes);

// RFC 1321 and FIPS 180-4; the digests as bytes.
[[nodiscard]] std::string md5_digest(std::string_view bytes);
[[nodiscard]] std::string sha256_digest(std::string_view bytes, bool sha224 = false);
[[nodiscard]] std::string sha512_digest(std::string_view bytes, bool sha384 = false);

/// PostgreSQL's hash functions (hashfn.c): Bob Jenkins' lookup3 in its own variant. With a seed of 0 the low half of
/// the 64-bit hash is the 32-bit one.
[[nodiscard]] std::uint32_t postgres_hash(std::string_view bytes) noexcept;
[[nodiscard]] std::uint64_t postgres_hash_extended(std::string_view bytes, std::uint64_t seed) noexcept;

}  // namespace orrery::sim::database
