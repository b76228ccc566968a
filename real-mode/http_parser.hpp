#pragma once

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace orrery::real {

/// Beast's parser, whose message goes straight into ours: its own container of fields would be filled only to be copied.
/// Fields of a trailer are read and not kept (RFC 9110, section 6.5.1: they are no part of the header).
template <bool is_request>
class MessageParser final : public boost::beast::http::basic_parser<is_request> {
 public:
  std::string method;  // of a request
  std::string target;
  int version = 11;
  int status = 0;  // of a response
  Headers headers;
  std::string body;
  // How often the fields came that say where a message ends and for whom it is.
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;

 private:
  using Text = boost::beast::string_view;
  using Error = boost::beast::error_code;
  /// A body of announced length is given its place at once, but no more than this before it comes.
  static constexpr std::uint64_t kReserved = 1 << 20;

  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  void on_request_impl(boost::beast::http::verb, Text method_text, Text target_text, int version_number, Error&) override {
    method = view(method_text);
    target = view(target_text);
    version = version_number;
  }
  void on_response_impl(int code, Text, int version_number, Error&) override {
    status = code;
    version = version_number;
  }
  void on_field_impl(boost::beast::http::field field, Text name, Text value, Error&) override {
    if (this->is_header_done()) return;
    if (field == boost::beast::http::field::host) ++hosts;
    if (field == boost::beast::http::field::content_length) ++lengths;
    if (field == boost::beast::http::field::transfer_encoding) ++encodings;
    headers.append(view(name), view(value));
  }
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error&) override {
    if (length) body.reserve(std::min(*length, kReserved));
  }
  std::size_t on_body_impl(Text part, Error&) override {
    body.append(part.data(), part.size());
    return part.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text part, Error&) override {
    body.append(part.data(), part.size());
    return part.size();
  }
  void on_finish_impl(Error&) override {}
};

}  // namespace orrery::real
