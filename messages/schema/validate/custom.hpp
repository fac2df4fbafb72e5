// What custom kinds share with webhooks, and the schemas of custom kinds.
#pragma once

#include "messages/schema/validate/rules.hpp"

namespace k8s::apiextensions::v1 {
class JSONSchemaProps;
}

namespace troupe::schema::validate {

/// Who answers a webhook: exactly one of a URL and a Service.
void webhook_client(report&, const path& at, const std::string& url, bool has_url, bool has_service,
                    const std::string& service, const std::string& name_space,
                    const std::string& service_path, int32_t service_port);

/// The versions of reviews that a webhook understands: at least one that the server speaks.
/// `missing` is told where there are none.
void review_versions(report&, const path& at, const strings&, std::string_view missing);

/// The schema of a custom kind must be structural: the shape of every value is said once, and
/// logical junctors only narrow it down.
void custom_schema(report&, const path& at, const k8s::apiextensions::v1::JSONSchemaProps&,
                   bool has_status);

} // namespace troupe::schema::validate
