// SHA-256 of what passes by, in the form that images use: "sha256:<hex>".
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace troupe::node {

class digester {
public:
  digester();
  ~digester();
  void add(std::string_view bytes);
  /// Once.
  std::string finish();

private:
  struct context;
  std::unique_ptr<context> context_;
};

std::string digest_of(std::string_view bytes);
/// The hex part, or empty if it is no sha256 digest.
std::string hex_of(std::string_view digest);

} // namespace troupe::node
