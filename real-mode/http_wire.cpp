#include "real-mode/http_wire.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/optional.hpp>
#include <optional>
#include <utility>

#include "real-mode/http_parser.hpp"

namespace orrery::real {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

bool same_text(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// Feeds a Beast parser from the front of `bytes`; those of a message that is bad stay.
template <class Parser>
Reading feed(Parser& parser, std::string& bytes, bool& header_told, error_code& error) {
  std::size_t used = 0;
  Reading reading = Reading::more;
  for (;;) {
    if (parser.is_header_done() && !header_told) {
      header_told = true;
      reading = Reading::header;
      break;
    }
    if (parser.is_done()) {
      reading = Reading::whole;
      break;
    }
    if (used == bytes.size()) break;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += taken;
    if (error == http::error::need_more) {
      error = {};
      if (parser.is_header_done() != header_told || parser.is_done()) continue;
      break;
    }
    if (error) {
      reading = Reading::bad;
      break;
    }
  }
  if (reading != Reading::bad) bytes.erase(0, used);
  return reading;
}

/// The first line is a request line with a version, spoken here or not: "GET / HTTP/2.0".
bool names_a_version(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  const std::size_t last = line.rfind(' ');
  if (last == std::string_view::npos || std::ranges::count(line, ' ') != 2 || line.find('\n') != std::string_view::npos) {
    return false;
  }
  const std::string_view version = line.substr(last + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
         is_digit(version[7]);
}

/// The characters of a field's name (RFC 9110, section 5.6.2).
constexpr std::array<bool, 256> kInToken = [] {
  std::array<bool, 256> in{};
  for (const unsigned char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    in[c] = true;
  }
  return in;
}();

bool is_written_here(std::string_view name) {
  return same_text(name, "Content-Length") || same_text(name, "Transfer-Encoding") || same_text(name, "Connection") ||
         same_text(name, "Host");
}

void write_fields(const Headers& headers, std::string& to) {
  for (const auto& [name, value] : headers.fields()) {
    if (is_written_here(name) || !is_field(name, value)) continue;
    to.append(name).append(": ").append(value).append("\r\n");
  }
}

}  // namespace

struct RequestReader::Parser {
  std::optional<MessageParser<true>> parser;  // of the request that is read
  bool header_told = false;
};

RequestReader::RequestReader(std::size_t header_limit) : header_limit_(header_limit), parser_(std::make_unique<Parser>()) {
  begin();
}
RequestReader::~RequestReader() = default;

void RequestReader::begin() {
  MessageParser<true>& parser = parser_->parser.emplace();
  parser.header_limit(static_cast<std::uint32_t>(header_limit_));
  parser.body_limit(boost::none);  // set when the route is known
  parser.eager(false);
  parser_->header_told = false;
}

Reading RequestReader::refuse(int status, std::string why) {
  refusal_ = status;
  why_ = std::move(why);
  return Reading::bad;
}

Reading RequestReader::feed(std::string& bytes) {
  if (refusal_ != 0) return Reading::bad;
  if (!parser_->header_told && !parser_->parser->got_some() && bytes.starts_with("\r\n")) {
    bytes.erase(0, 2);  // RFC 9112, section 2.2: an empty line before the request line is ignored
    if (bytes.empty()) return Reading::more;
  }
  error_code error;
  const Reading reading = real::feed(*parser_->parser, bytes, parser_->header_told, error);
  if (reading == Reading::header) return check_header();
  if (reading != Reading::bad) return reading;
  if (error == http::error::header_limit) return refuse(431, "the header is too large");
  if (error == http::error::body_limit) return refuse(413, "the body is too large");
  if (error == http::error::bad_version && names_a_version(bytes)) return refuse(505, "the HTTP versions spoken are 1.0 and 1.1");
  return refuse(400, error.message());
}

Reading RequestReader::check_header() {
  MessageParser<true>& message = *parser_->parser;
  if (message.version != 10 && message.version != 11) return refuse(505, "the HTTP versions spoken are 1.0 and 1.1");
  if (message.hosts > 1 || (message.hosts == 0 && message.version == 11)) return refuse(400, "one Host field is expected");
  if (message.target.empty() || message.target.front() != '/') return refuse(400, "the target is no path");
  const auto is_visible = [](char c) { return c > ' ' && c < 0x7F; };
  if (!std::ranges::all_of(message.target, is_visible)) return refuse(400, "the target has a character that must be encoded");
  if (message.encodings > 0) {
    // Two framings in one request are how requests are smuggled (RFC 9112, section 6.1).
    if (message.lengths > 0) return refuse(400, "both Content-Length and Transfer-Encoding");
    if (message.version == 10) return refuse(400, "HTTP/1.0 knows no Transfer-Encoding");
    if (message.encodings > 1 || !same_text(message.headers.get("Transfer-Encoding"), "chunked")) {
      return refuse(501, "the only Transfer-Encoding is chunked");
    }
  }
  if (message.lengths > 0) {
    const std::string_view length = message.headers.get("Content-Length");
    const bool is_number = std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; });
    if (message.lengths > 1 || length.empty() || !is_number) return refuse(400, "Content-Length is not one number");
  }
  request_ = Request();
  request_.method = std::move(message.method);
  request_.target = std::move(message.target);
  request_.headers = std::move(message.headers);
  return Reading::header;
}

bool RequestReader::keeps_alive() const noexcept { return parser_->parser->keep_alive(); }

bool RequestReader::expects_continue() const noexcept {
  return parser_->parser->version == 11 && same_text(request_.headers.get("Expect"), "100-continue");
}

Reading RequestReader::limit_body(std::uint64_t bytes) {
  const auto announced = parser_->parser->content_length();
  if (announced && *announced > bytes) return refuse(413, "the body is too large");
  parser_->parser->body_limit(bytes);
  return Reading::more;
}

Request RequestReader::take() {
  request_.body = std::move(parser_->parser->body);
  Request taken = std::move(request_);
  begin();
  return taken;
}

struct ResponseReader::Parser {
  Parser(std::size_t header_limit, std::uint64_t body_limit) {
    parser.header_limit(static_cast<std::uint32_t>(header_limit));
    parser.body_limit(body_limit);
    parser.eager(false);
  }
  MessageParser<false> parser;
};

ResponseReader::ResponseReader(std::size_t header_limit, std::uint64_t body_limit)
    : header_limit_(header_limit), body_limit_(body_limit), parser_(std::make_unique<Parser>(header_limit, body_limit)) {}
ResponseReader::~ResponseReader() = default;

Reading ResponseReader::feed(std::string& bytes) {
  for (;;) {
    error_code error;
    const Reading reading = real::feed(parser_->parser, bytes, header_told_, error);
    if (reading == Reading::bad) why_ = error.message();
    if (reading != Reading::header) return reading;
    if (parser_->parser.status >= 200) continue;
    // An interim answer such as 100 Continue: the real one follows.
    parser_ = std::make_unique<Parser>(header_limit_, body_limit_);
    header_told_ = false;
  }
}

Reading ResponseReader::end() {
  error_code error;
  if (!parser_->parser.is_header_done()) {
    why_ = "the connection ended within the header";
    return Reading::bad;
  }
  parser_->parser.put_eof(error);
  if (!error && parser_->parser.is_done()) return Reading::whole;
  why_ = "the connection ended within the body";
  return Reading::bad;
}

bool ResponseReader::keeps_alive() const noexcept { return parser_->parser.keep_alive(); }

Response ResponseReader::take() {
  MessageParser<false>& message = parser_->parser;
  return Response(message.status, std::move(message.body), std::move(message.headers));
}

bool is_field(std::string_view name, std::string_view value) noexcept {
  const auto in_token = [](char c) { return kInToken[static_cast<unsigned char>(c)]; };
  const auto in_line = [](char c) { return c != '\r' && c != '\n' && c != '\0'; };
  return !name.empty() && std::ranges::all_of(name, in_token) && std::ranges::all_of(value, in_line);
}

std::string_view reason_of(int status) noexcept {
  return view(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
}

void append_wire(const Response& response, bool keep_alive, std::string& wire) {
  wire.reserve(256 + response.body.size());
  wire.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_of(response.status));
  wire.append("\r\n");
  write_fields(response.headers, wire);
  if (!keep_alive) wire.append("Connection: close\r\n");
  if (response.status != 204 && response.status != 304) {
    wire.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  wire.append("\r\n").append(response.body);
}

std::string to_wire(const Request& request, std::string_view host) {
  std::string wire;
  wire.reserve(256 + request.body.size());
  wire.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(host);
  wire.append("\r\n");
  write_fields(request.headers, wire);
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD" && request.method != "DELETE")) {
    wire.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  wire.append("\r\n").append(request.body);
  return wire;
}

}  // namespace orrery::real
