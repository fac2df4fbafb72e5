// Tokens: signed and verified by several keys, and every forgery of the list of hostile inputs.
#include "net/streams/base64.hpp"
#include "net/tls/authority.hpp"
#include "net/tls/jws.hpp"

#include <boost/test/unit_test.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

using namespace troupe;
using namespace troupe::tls;
using streams::base64url_encoded;

namespace {

token_key rsa() {
  static const auto pem = *make_rsa_key();
  return *token_key::load(pem);
}

token_key ec() {
  static const auto pem = *make_key();
  return *token_key::load(pem);
}

std::string part(const std::string& token, int which) {
  const auto first = token.find('.'), last = token.rfind('.');
  return which == 0   ? token.substr(0, first)
         : which == 1 ? token.substr(first + 1, last - first - 1)
                      : token.substr(last + 1);
}

bool accepts(const token_verifier& by, const std::string& token) {
  return by.verify(token).has_value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(jws_test)

BOOST_AUTO_TEST_CASE(both_algorithms_sign_what_any_known_key_verifies) {
  const token_verifier all{{rsa(), ec()}};
  for (const auto& key : {rsa(), ec()}) {
    const auto token = key.sign(R"({"sub":"me"})");
    BOOST_TEST_REQUIRE(token.has_value());
    BOOST_TEST(*all.verify(*token) == R"({"sub":"me"})");
    const auto only_public = *token_key::load(key.public_pem());
    BOOST_TEST(only_public.id() == key.id());
    BOOST_TEST(!only_public.can_sign());
    BOOST_TEST(!only_public.sign("{}").has_value());
    BOOST_TEST(accepts(token_verifier{{only_public}}, *token));
  }
}

BOOST_AUTO_TEST_CASE(a_key_that_is_gone_verifies_nothing) {
  BOOST_TEST(!accepts(token_verifier{{ec()}}, *rsa().sign("{}")));
  BOOST_TEST(!accepts(token_verifier{{}}, *rsa().sign("{}")));
}

BOOST_AUTO_TEST_CASE(no_algorithm_is_no_token) {
  const token_verifier all{{rsa(), ec()}};
  for (const std::string name : {"none", "None", "NONE", "", "HS256", "RS512", "PS256"}) {
    const auto header = base64url_encoded(R"({"alg":")" + name + R"("})");
    BOOST_TEST(!accepts(all, header + "." + base64url_encoded("{}") + "."), name);
    BOOST_TEST(!accepts(all, header + "." + part(*rsa().sign("{}"), 1) + "." +
                                 part(*rsa().sign("{}"), 2)));
  }
}

BOOST_AUTO_TEST_CASE(an_hmac_keyed_with_the_public_key_is_no_signature) {
  const auto pem = rsa().public_pem();
  const auto text = base64url_encoded(R"({"alg":"HS256","kid":")" + rsa().id() + R"("})") + "." +
                    base64url_encoded("{}");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), pem.data(), static_cast<int>(pem.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  BOOST_TEST(!accepts(token_verifier{{rsa()}},
                      text + "." + base64url_encoded({reinterpret_cast<char*>(digest), size})));
}

BOOST_AUTO_TEST_CASE(any_changed_character_is_noticed) {
  for (const auto& key : {rsa(), ec()}) {
    const token_verifier by{{key}};
    const auto token = *key.sign(R"({"sub":"system:serviceaccount:a:b"})");
    for (size_t at = 0; at < token.size(); at += 7) {
      auto changed = token;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      if (changed != token) BOOST_TEST(!accepts(by, changed), "at " << at);
    }
  }
}

BOOST_AUTO_TEST_CASE(malformed_and_oversized_tokens_are_refused) {
  const token_verifier all{{rsa(), ec()}};
  const auto token = *rsa().sign("{}");
  for (const auto& bad :
       {std::string{}, std::string{"."}, std::string{".."}, std::string{"a.b"}, token + ".x",
        token.substr(0, token.size() - 1), token + "=", "=" + token, std::string(65'537, 'a')})
    BOOST_TEST(!accepts(all, bad));
  BOOST_TEST(!accepts(all, base64url_encoded(R"({"alg":"RS256","kid":"../../etc/passwd"})") + "." +
                               part(token, 1) + "." + part(token, 2)));
  BOOST_TEST(!accepts(all, base64url_encoded(R"({"alg":"RS256","crit":["x"]})") + "." +
                               part(token, 1) + "." + part(token, 2)));
}

BOOST_AUTO_TEST_CASE(weak_and_strange_keys_are_refused) {
  BOOST_TEST(!token_key::load(*make_rsa_key(1024)).has_value());
  BOOST_TEST(!token_key::load("").has_value());
  BOOST_TEST(
      !token_key::load("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").has_value());
}

BOOST_AUTO_TEST_CASE(the_key_set_names_every_key_and_nothing_private) {
  const auto text = token_verifier{{rsa(), ec()}}.jwks();
  BOOST_TEST(text.find(rsa().id()) != text.npos);
  BOOST_TEST(text.find(ec().id()) != text.npos);
  BOOST_TEST(text.find(R"("e":"AQAB")") != text.npos);
  BOOST_TEST(text.find(R"("d":)") == text.npos);
}

BOOST_AUTO_TEST_SUITE_END()
