// The two secrets of a TLS 1.3 connection that its records are protected with, as OpenSSL reports
// them. Internal to net/tls.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <string_view>

namespace troupe::tls {

struct traffic_secrets {
  ~traffic_secrets() {
    OPENSSL_cleanse(client.data(), client.size());
    OPENSSL_cleanse(server.data(), server.size());
  }

  /// Reads one line of OpenSSL's key log; other labels are not wanted.
  void note(std::string_view line) {
    if (line.starts_with("CLIENT_TRAFFIC_SECRET_0 "))
      client = last_word(line);
    else if (line.starts_with("SERVER_TRAFFIC_SECRET_0 "))
      server = last_word(line);
  }

  std::string client;
  std::string server;

private:
  static std::string last_word(std::string_view line) {
    const auto hex = line.substr(line.rfind(' ') + 1);
    const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
    std::string out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
      out.push_back(static_cast<char>(value(hex[i]) * 16 + value(hex[i + 1])));
    return out;
  }
};

} // namespace troupe::tls
