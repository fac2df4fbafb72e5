// The Protobuf messages that are kinds, and other documents that stand on their own.
#pragma once

#include <vector>

namespace google::protobuf {
class Message;
}

namespace troupe::schema {

std::vector<const google::protobuf::Message*> built_in_prototypes();
/// One message of each file that holds no kind: statuses, options, reviews.
std::vector<const google::protobuf::Message*> other_documents();

} // namespace troupe::schema
