#include "actors/node/images/digest.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace troupe::node {

struct digester::context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~context() { EVP_MD_CTX_free(md); }
};

digester::digester() : context_{std::make_unique<context>()} {
  EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr);
}
digester::~digester() = default;

void digester::add(std::string_view bytes) {
  EVP_DigestUpdate(context_->md, bytes.data(), bytes.size());
}

std::string digester::finish() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context_->md, raw, &size);
  std::string out = "sha256:";
  for (unsigned i = 0; i < size; ++i)
    out.append(1, "0123456789abcdef"[raw[i] >> 4]).append(1, "0123456789abcdef"[raw[i] & 15]);
  return out;
}

std::string digest_of(std::string_view bytes) {
  digester d;
  d.add(bytes);
  return d.finish();
}

std::string hex_of(std::string_view digest) {
  if (digest.size() != 71 || !digest.starts_with("sha256:")) return {};
  auto hex = digest.substr(7);
  bool good = std::all_of(hex.begin(), hex.end(),
                          [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return good ? std::string(hex) : std::string{};
}

} // namespace troupe::node
