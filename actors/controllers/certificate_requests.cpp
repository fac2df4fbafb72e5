#include "actors/controllers/certificate_requests.hpp"

#include "actors/controllers/certificate_requests_plan.hpp"
#include "actors/controllers/reconciler.hpp"

namespace troupe::controllers {

namespace {

class certificate_requests_controller : public reconciler {
public:
  certificate_requests_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "certificate-controller"} {
    listen(kind, [this](auto& entry, bool gone) {
      if (!gone) mark(entry->key());
    });
  }

private:
  void forget() override {}

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    CertificateSigningRequest request;
    if (!entry || !gateway::read_entry(*entry, request) ||
        request.metadata().has_deletion_timestamp())
      return;
    for (auto& action : plan({request, r.at}))
      std::visit([&](auto& a) { act(a, r, *entry, request); }, action);
  }

  void act(const sign_certificate& a, round& r, const storage::entry& entry,
           const CertificateSigningRequest& request) {
    if (!given.authority) return;
    auto made = tls::sign_request(*given.authority, request.spec().request(), a.as);
    if (!made) return r.fail(made.error());
    auto fresh = std::make_unique<CertificateSigningRequest>(request);
    fresh->mutable_status()->set_certificate(*made);
    put_status(r, entry, std::move(fresh));
  }

  void act(const refuse_certificate& a, round& r, const storage::entry& entry,
           const CertificateSigningRequest& request) {
    auto fresh = std::make_unique<CertificateSigningRequest>(request);
    auto& c = *fresh->mutable_status()->add_conditions();
    c.set_type("Failed");
    c.set_status("True");
    c.set_reason("SignerValidationFailure");
    c.set_message(a.why);
    c.mutable_last_update_time()->set_seconds(r.at.seconds);
    c.mutable_last_transition_time()->set_seconds(r.at.seconds);
    put_status(r, entry, std::move(fresh));
  }

  void act(const erase_request&, round& r, const storage::entry& entry,
           const CertificateSigningRequest&) {
    if (auto ok = r.write.remove(kind, entry); !ok) r.fail(ok.error());
  }

  void act(const await_expiry& a, round& r, const storage::entry&,
           const CertificateSigningRequest&) {
    r.again_at(a.at);
  }

  void put_status(round& r, const storage::entry& entry,
                  std::unique_ptr<CertificateSigningRequest> fresh) {
    if (auto ok = r.write.update(kind, entry, std::move(fresh), "status"); !ok) r.fail(ok.error());
  }

  const schema::kind& kind = built_in("certificates.k8s.io", "v1", "certificatesigningrequests");
};

} // namespace

controller_actor::behavior_type certificate_requests(controller_actor::pointer self,
                                                     environment given) {
  return run<certificate_requests_controller>(self, std::move(given));
}

} // namespace troupe::controllers
