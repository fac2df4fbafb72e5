#include "actors/controllers/account_tokens.hpp"

#include "actors/controllers/account_tokens_plan.hpp"
#include "actors/controllers/family.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/service_account.hpp"

#include <map>
#include <set>

namespace troupe::controllers {

namespace {

using k8s::core::v1::Secret;
using k8s::core::v1::ServiceAccount;

/// Looks at secrets, and at accounts that still name one that is gone.
class account_tokens_controller : public reconciler {
public:
  account_tokens_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "tokens-controller"} {
    listen(accounts, [this](auto& entry, bool) {
      std::string key(entry->key());
      if (auto hit = secrets_of.find(key); hit != secrets_of.end())
        for (auto& secret : hit->second) mark(secret);
      if (lost.contains(key)) mark(key);
    });
    listen(secrets, [this](auto& entry, bool gone) { hear_secret(*entry, gone); });
  }

private:
  void forget() override {
    secrets_of.clear();
    lost.clear();
  }

  void hear_secret(const storage::entry& entry, bool gone) {
    if (entry.field("type") != schema::token_secret_type) return;
    Secret secret;
    gateway::read_entry(entry, secret);
    std::string key(entry.key());
    auto account = account_key(secret);
    if (!gone) {
      secrets_of[account].insert(key);
      return mark(key);
    }
    secrets_of[account].erase(key);
    if (secrets_of[account].empty()) secrets_of.erase(account);
    lost[account].insert(secret.metadata().name());
    mark(account);
  }

  std::string account_key(const Secret& secret) const {
    return gateway::key_of(accounts, secret.metadata().namespace_(),
                           account_of(secret).value_or(""));
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (storage::resource_of(r.key) == "serviceaccounts") return forget_lost(r, entry);
    Secret secret;
    if (!entry || !gateway::read_entry(*entry, secret) || !account_of(secret) ||
        secret.metadata().has_deletion_timestamp())
      return;
    auto account = r.now.find(account_key(secret));
    auto uid = account ? metadata_of(*account).uid() : std::string{};
    auto verdict = judge(secret, uid, given.root_ca_pem);
    if (verdict == token_secret::orphan) {
      if (auto ok = r.write.remove(secrets, *entry); !ok) r.fail(ok.error());
    } else if (verdict == token_secret::lacks) {
      issue(r, *entry, secret, uid);
    }
  }

  void issue(round& r, const storage::entry& entry, const Secret& secret, const std::string& uid) {
    auto& m = secret.metadata();
    auto token = gateway::sign_older_token(*given.api->given.token_keys,
                                           {m.namespace_(), *account_of(secret), uid, m.name()});
    if (!token) return r.fail(token.error());
    auto fresh = std::make_unique<Secret>(secret);
    fill_in(*fresh, uid, given.root_ca_pem, *token);
    if (auto ok = r.write.update(secrets, entry, std::move(fresh)); !ok) r.fail(ok.error());
  }

  void forget_lost(round& r, const storage::entry* entry) {
    auto names = lost.find(r.key);
    if (names == lost.end()) return;
    ServiceAccount account;
    if (entry) gateway::read_entry(*entry, account);
    auto& all = *account.mutable_secrets();
    auto ns = account.metadata().namespace_();
    auto gone = std::remove_if(all.begin(), all.end(), [&](auto& ref) {
      return names->second.contains(ref.name()) &&
             !r.now.find(gateway::key_of(secrets, ns, ref.name()));
    });
    if (gone == all.end()) return void(lost.erase(names));
    all.erase(gone, all.end());
    auto ok = r.write.update(accounts, *entry, std::make_unique<ServiceAccount>(account));
    if (!ok) r.fail(ok.error());
  }

  const schema::kind& accounts = built_in("", "v1", "serviceaccounts");
  const schema::kind& secrets = built_in("", "v1", "secrets");
  std::map<std::string, std::set<std::string>> secrets_of; ///< keys, by their account's key
  std::map<std::string, std::set<std::string>> lost;       ///< names of secrets that are gone
};

} // namespace

controller_actor::behavior_type account_tokens(controller_actor::pointer self, environment given) {
  return run<account_tokens_controller>(self, std::move(given));
}

} // namespace troupe::controllers
