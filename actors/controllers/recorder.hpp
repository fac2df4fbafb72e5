// Events that controllers tell users about: said once and counted afterwards, many alike put
// together, bounded in number.
#pragma once

#include "actors/controllers/environment.hpp"
#include "messages/api/reference.pb.h"

#include <map>
#include <unordered_map>

namespace k8s::meta::v1 {
class ObjectMeta;
}

namespace troupe::controllers {

class recorder {
public:
  /// `source` is the component that the events come from.
  recorder(const environment& given, std::string source);

  /// Notes what happened to an object. `type` is Normal or Warning, `action` what was being done,
  /// if that is to be told.
  void note(k8s::core::v1::ObjectReference about, const char* type, const char* reason,
            std::string message, const char* action = "");
  /// The same about an object of `kind`.
  void note(const schema::kind& kind, const k8s::meta::v1::ObjectMeta& about, const char* type,
            const char* reason, std::string message);

  /// Writes down what was noted since the last time.
  void publish(const storage::snapshot& now);

private:
  struct pending {
    k8s::core::v1::ObjectReference about;
    std::string type, reason, action, message;
    int count = 0;
  };
  /// What was said about one object for one reason.
  struct topic {
    int64_t began = 0;
    int messages = 0;
  };

  void write(const pending& p, const std::string& identity, const storage::snapshot& now,
             storage::transaction& tx);

  const environment& given_;
  std::string source_;
  const schema::kind& kind_;
  const schema::kind& spaces_;
  std::map<std::string, pending> pending_;               ///< by identity
  std::unordered_map<std::string, std::string> written_; ///< identity to the event's name
  std::unordered_map<std::string, topic> topics_;
};

} // namespace troupe::controllers
