// MD5 (RFC 1321), SHA-2 (FIPS 180-4), and PostgreSQL's own hash of bytes.

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "sim/database/types/bytes.hpp"

namespace orrery::sim::database {
namespace {

/// Pads a message to whole blocks: 0x80, zeros, and its length in bits in the last `length_size` bytes.
std::string padded(std::string_view bytes, std::size_t block, std::size_t length_size, bool big_endian) {
  std::string message(bytes);
  message.push_back('\x80');
  while (message.size() % block != block - length_size) message.push_back('\0');
  const std::uint64_t bits = static_cast<std::uint64_t>(bytes.size()) * 8;
  for (std::size_t i = 0; i < length_size; ++i) {
    const std::size_t place = big_endian ? length_size - 1 - i : i;
    message.push_back(place < 8 ? static_cast<char>(bits >> (8 * place)) : '\0');
  }
  return message;
}

std::uint32_t load_little(const char* bytes) noexcept {
  std::uint32_t word = 0;
  for (int i = 3; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(bytes[i]);
  return word;
}

template <class Word>
Word load_big(const char* bytes) noexcept {
  Word word = 0;
  for (std::size_t i = 0; i < sizeof(Word); ++i)
    word = static_cast<Word>(word << 8) | static_cast<unsigned char>(bytes[i]);
  return word;
}

template <class Word>
void store_big(std::string& out, Word word) {
  for (std::size_t i = sizeof(Word); i-- > 0;) out.push_back(static_cast<char>(word >> (8 * i)));
}

// The constants of SHA-2 are the first bits of the fractions of square and cube roots of primes.
constexpr std::uint64_t kSha512Constants[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
    0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
    0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
    0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
    0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
    0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
    0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

/// Both widths of SHA-2 do the same with other rotations.
template <class Word, std::size_t rounds>
std::string sha2(std::string_view bytes, std::array<Word, 8> state, std::size_t digest_words,
                 const std::array<int, 12>& turns) {
  constexpr std::size_t kBlock = sizeof(Word) * 16;
  const std::string message = padded(bytes, kBlock, sizeof(Word) * 2, true);
  for (std::size_t start = 0; start < message.size(); start += kBlock) {
    std::array<Word, rounds> w{};
    for (std::size_t i = 0; i < 16; ++i) w[i] = load_big<Word>(message.data() + start + i * sizeof(Word));
    for (std::size_t i = 16; i < rounds; ++i) {
      const Word x = w[i - 15];
      const Word y = w[i - 2];
      const Word s0 = std::rotr(x, turns[0]) ^ std::rotr(x, turns[1]) ^ (x >> turns[2]);
      const Word s1 = std::rotr(y, turns[3]) ^ std::rotr(y, turns[4]) ^ (y >> turns[5]);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    std::array<Word, 8> v = state;
    for (std::size_t i = 0; i < rounds; ++i) {
      const Word s1 = std::rotr(v[4], turns[6]) ^ std::rotr(v[4], turns[7]) ^ std::rotr(v[4], turns[8]);
      const Word choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
      // SHA-256 uses the high halves of SHA-512's constants.
      const auto constant = static_cast<Word>(kSha512Constants[i] >> (64 - 8 * sizeof(Word)));
      const Word first = v[7] + s1 + choice + constant + w[i];
      const Word s0 = std::rotr(v[0], turns[9]) ^ std::rotr(v[0], turns[10]) ^ std::rotr(v[0], turns[11]);
      const Word majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      for (std::size_t k = 7; k > 0; --k) v[k] = v[k - 1];
      v[4] += first;
      v[0] = first + s0 + majority;
    }
    for (std::size_t i = 0; i < 8; ++i) state[i] += v[i];
  }
  std::string digest;
  for (std::size_t i = 0; i < digest_words; ++i) store_big(digest, state[i]);
  return digest;
}

struct Mixing {
  std::uint32_t a;
  std::uint32_t b;
  std::uint32_t c;

  void mix() noexcept {
    a -= c;
    a ^= std::rotl(c, 4);
    c += b;
    b -= a;
    b ^= std::rotl(a, 6);
    a += c;
    c -= b;
    c ^= std::rotl(b, 8);
    b += a;
    a -= c;
    a ^= std::rotl(c, 16);
    c += b;
    b -= a;
    b ^= std::rotl(a, 19);
    a += c;
    c -= b;
    c ^= std::rotl(b, 4);
    b += a;
  }
  void finish() noexcept {
    c ^= b;
    c -= std::rotl(b, 14);
    a ^= c;
    a -= std::rotl(c, 11);
    b ^= a;
    b -= std::rotl(a, 25);
    c ^= b;
    c -= std::rotl(b, 16);
    a ^= c;
    a -= std::rotl(c, 4);
    b ^= a;
    b -= std::rotl(a, 14);
    c ^= b;
    c -= std::rotl(b, 24);
  }
};

Mixing hash_state(std::string_view bytes, std::uint64_t seed) noexcept {
  const std::uint32_t start = 0x9e3779b9U + static_cast<std::uint32_t>(bytes.size()) + 3'923'095U;
  Mixing state{start, start, start};
  if (seed != 0) {
    state.a += static_cast<std::uint32_t>(seed >> 32);
    state.b += static_cast<std::uint32_t>(seed);
    state.mix();
  }
  while (bytes.size() >= 12) {
    state.a += load_little(bytes.data());
    state.b += load_little(bytes.data() + 4);
    state.c += load_little(bytes.data() + 8);
    state.mix();
    bytes.remove_prefix(12);
  }
  // The lowest byte of c is reserved for the length, so its bytes begin one higher.
  char rest[12] = {};
  for (std::size_t i = 0; i < bytes.size(); ++i) rest[i < 8 ? i : i + 1] = bytes[i];
  state.a += load_little(rest);
  state.b += load_little(rest + 4);
  state.c += load_little(rest + 8);
  state.finish();
  return state;
}

}  // namespace

std::string md5_digest(std::string_view bytes) {
  constexpr int kTurns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  // floor(2^32 × |sin(i + 1)|)
  constexpr std::uint32_t kSines[64] = {
      0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
      0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
      0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
      0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
      0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
      0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
      0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
      0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
  const std::string message = padded(bytes, 64, 8, false);
  std::array<std::uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (std::size_t start = 0; start < message.size(); start += 64) {
    auto [a, b, c, d] = state;
    for (std::size_t i = 0; i < 64; ++i) {
      std::uint32_t f;
      std::size_t g;
      switch (i / 16) {
        case 0:
          f = (b & c) | (~b & d);
          g = i;
          break;
        case 1:
          f = (d & b) | (~d & c);
          g = (5 * i + 1) % 16;
          break;
        case 2:
          f = b ^ c ^ d;
          g = (3 * i + 5) % 16;
          break;
        default:
          f = c ^ (b | ~d);
          g = 7 * i % 16;
          break;
      }
      const std::uint32_t sum = a + f + kSines[i] + load_little(message.data() + start + g * 4);
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kTurns[i / 16][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  std::string digest;
  for (const std::uint32_t word : state) {
    for (int i = 0; i < 4; ++i) digest.push_back(static_cast<char>(word >> (8 * i)));
  }
  return digest;
}

std::string sha256_digest(std::string_view bytes, bool sha224) {
  constexpr std::array<int, 12> kTurns = {7, 18, 3, 17, 19, 10, 6, 11, 25, 2, 13, 22};
  constexpr std::array<std::uint32_t, 8> kStart256 = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  constexpr std::array<std::uint32_t, 8> kStart224 = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
                                                      0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
  return sha2<std::uint32_t, 64>(bytes, sha224 ? kStart224 : kStart256, sha224 ? 7 : 8, kTurns);
}

std::string sha512_digest(std::string_view bytes, bool sha384) {
  constexpr std::array<int, 12> kTurns = {1, 8, 7, 19, 61, 6, 14, 18, 41, 28, 34, 39};
  constexpr std::array<std::uint64_t, 8> kStart512 = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                                      0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                                      0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
  constexpr std::array<std::uint64_t, 8> kStart384 = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
                                                      0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
                                                      0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
  return sha2<std::uint64_t, 80>(bytes, sha384 ? kStart384 : kStart512, sha384 ? 6 : 8, kTurns);
}

std::uint32_t postgres_hash(std::string_view bytes) noexcept { return hash_state(bytes, 0).c; }

std::uint64_t postgres_hash_extended(std::string_view bytes, std::uint64_t seed) noexcept {
  const Mixing state = hash_state(bytes, seed);
  return std::uint64_t{state.b} << 32 | state.c;
}

}  // namespace orrery::sim::database
