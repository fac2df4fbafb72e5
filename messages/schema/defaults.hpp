// Defaulting: what the author of an object left out and Kubernetes fills in before it is validated.
// Constants stand in the `default` options of messages/api; what takes more stands in
// defaults/*.cpp.
#pragma once

namespace google::protobuf {
class Message;
}

namespace troupe::schema {

/// Fills in every default of `object` and of all that it holds. Doing it twice changes nothing.
/// What depends on other objects, on time or on chance (addresses, service accounts, names) is left
/// out.
void set_defaults(google::protobuf::Message& object);

} // namespace troupe::schema
