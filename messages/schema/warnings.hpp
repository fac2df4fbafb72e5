// What a client is warned of although it is allowed: what has no effect any more, what hides
// something else, what will surprise.
#pragma once

#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace troupe::schema {

/// For an object that is valid, with its defaults; of a kind's `old` one, or null if it is new.
std::vector<std::string> warnings_about(const google::protobuf::Message& object,
                                        const google::protobuf::Message* old);

} // namespace troupe::schema
