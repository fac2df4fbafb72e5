// Lists: one pass over a snapshot, selected by index, encoded straight from stored bytes; long
// lists in pages at one revision.
#include "actors/gateway/long_list.hpp"
#include "actors/gateway/page.hpp"
#include "actors/gateway/verbs.hpp"

#include "actors/gateway/versions.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/table.hpp"
#include "messages/codec/wire.hpp"

namespace troupe::gateway {

namespace {

/// Writes a list in one of its forms, entry by entry.
class list_writer {
public:
  virtual ~list_writer() = default;
  virtual void add(const storage::entry& entry) = 0;
  virtual http::response finish(uint64_t revision, const std::string& next, int64_t remaining) = 0;
};

class json_writer : public list_writer {
public:
  explicit json_writer(const call& c) : call_{c}, items_{c} {}

  void add(const storage::entry& entry) override {
    items_.add(entry);
    if (items_.bytes() > list_piece_bytes) full_.push_back(http::share(items_.take()));
  }

  http::response finish(uint64_t revision, const std::string& next, int64_t remaining) override {
    full_.push_back(http::share(items_.take()));
    auto head = json_list_head(call_, revision, next, remaining);
    if (call_.media.as != format::json || call_.media.pretty) {
      for (auto& piece : full_) head += *piece;
      return json_answer(200, head + "]}", call_.media);
    }
    auto out = http::answer(200, std::string(content_type(format::json)), std::move(head));
    for (auto& piece : full_) out.body.push_back(std::move(piece));
    static const auto tail = http::share("]}\n");
    out.body.push_back(tail);
    return out;
  }

private:
  const call& call_;
  json_items items_;
  std::vector<http::bytes> full_;
};

class protobuf_writer : public list_writer {
public:
  explicit protobuf_writer(const call& c)
      : kind_{*c.kind}, media_{c.media}, partial_{c.media.what == shape::partial} {}

  void add(const storage::entry& entry) override {
    constexpr uint32_t items_number = 2; // of every list kind
    auto item = write_protobuf(kind_, entry.value(), entry.mod_revision());
    codec::wire::put_bytes(items_, items_number, partial_ ? codec::metadata_alone(item) : item);
  }

  http::response finish(uint64_t revision, const std::string& next, int64_t remaining) override {
    k8s::meta::v1::ListMeta meta;
    meta.set_resource_version(std::to_string(revision));
    if (!next.empty()) meta.set_continue_(next);
    if (remaining > 0) meta.set_remaining_item_count(remaining);
    std::string raw;
    codec::wire::put_bytes(raw, 1, meta.SerializeAsString());
    raw += items_;
    auto bytes = partial_ ? codec::seal_envelope("meta.k8s.io/" + media_.table_version,
                                                 "PartialObjectMetadataList", raw)
                          : codec::seal_envelope(kind_.api_version(), kind_.list_name, raw);
    return http::answer(200, std::string(content_type(format::protobuf)), std::move(bytes));
  }

private:
  const schema::kind& kind_;
  const media& media_;
  bool partial_;
  std::string items_;
};

class table_writer : public list_writer {
public:
  explicit table_writer(const call& c)
      : call_{c}, table_{*c.kind, codec::include_of(c.query.get("includeObject")),
                         c.media.table_version, c.now.seconds} {}

  void add(const storage::entry& entry) override {
    table_.add(shown_otherwise(*call_.kind) ? from_stored(*call_.kind, entry.value())
                                            : std::string(entry.value()),
               entry.mod_revision());
  }

  http::response finish(uint64_t revision, const std::string& next, int64_t remaining) override {
    auto left = remaining > 0 ? std::to_string(remaining) : std::string{};
    return json_answer(200, table_.finish(std::to_string(revision), next, left), call_.media);
  }

private:
  const call& call_;
  codec::table table_;
};

std::unique_ptr<list_writer> writer_for(const call& c) {
  if (c.media.what == shape::table) return std::make_unique<table_writer>(c);
  if (c.media.as == format::protobuf) return std::make_unique<protobuf_writer>(c);
  return std::make_unique<json_writer>(c);
}

/// The state that the list is of: the present, or the past that the options name.
result<storage::snapshot> choose_state(gateway& g, const list_options& options,
                                       const page_token& from) {
  auto now = g.given.store->current();
  if (from.revision) return g.given.store->at(from.revision);
  if (options.version.empty() || options.version == "0") return now;
  auto asked = *read_version(options.version);
  if (options.version_match == "Exact") return g.given.store->at(asked);
  if (asked > now.revision()) return version_to_come(options.version, now.revision());
  return now;
}

/// The state that a page belongs to is forgotten. Whoever can bear that it does not fit to the
/// pages before goes on in the present.
void answer_forgotten(call& c, const page_token& from) {
  k8s::meta::v1::Status s;
  s.mutable_metadata()->set_continue_(write_page_token({0, from.after}));
  s.set_status("Failure");
  s.set_message(
      "The provided continue parameter is too old to display a consistent list result. You can "
      "start a new list without the continue parameter, or use the continue token in this response "
      "to retrieve the remainder of the results. Continuing with the provided token results in an "
      "inconsistent list - objects that were created, modified, or deleted between the time the "
      "first chunk was returned and now may show up in the list.");
  auto& row = info(errc::expired);
  s.set_reason(std::string(row.reason));
  s.set_code(row.http_status);
  c.answer(status_answer(row.http_status, s, c.media));
}

/// Who takes any state gets all of it at once, as from Kubernetes' caches. Events have none there.
bool takes_all(const call& c, const list_options& options) {
  return options.version == "0" && options.continue_token.empty() &&
         (c.kind->custom() || c.kind->name != "Event");
}

} // namespace

http::response list_answer(const call& c, const std::vector<storage::entry_ptr>& entries,
                           uint64_t revision) {
  auto writer = writer_for(c);
  for (auto& entry : entries) writer->add(*entry);
  return writer->finish(revision, {}, 0);
}

void list(gateway& g, call_ptr c) {
  auto options = read_list_options(*c->kind, c->query);
  if (!options) return c->fail(options.error());
  auto from = read_page_token(options->continue_token);
  if (!from) return c->fail(from.error());
  auto state = choose_state(g, *options, *from);
  if (!state && from->revision) return answer_forgotten(*c, *from);
  if (!state) return c->fail(state.error());
  if (takes_all(*c, *options)) options->limit = 0;

  auto prefix = prefix_of(*c->kind, c->where.ns);
  auto after = from->after.empty() ? std::string{} : prefix + from->after;
  auto name = options->wanted.one_name();
  bool at_most_one = name && (!c->where.ns.empty() || !c->kind->namespaced);
  if (!at_most_one && after.empty() && may_flow(*c, *options))
    return flow_list(g, std::move(c), *state, std::move(*options), std::move(prefix));
  auto writer = writer_for(*c);
  uint64_t taken = 0;
  std::string last, next;
  int64_t remaining = 0;
  auto add = [&](const storage::entry& entry) {
    if (options->limit && taken == options->limit) { // there is more, whether or not it is wanted
      next = write_page_token({state->revision(), last.substr(prefix.size())});
      if (options->wanted.all()) remaining = static_cast<int64_t>(state->count_after(prefix, last));
      return false;
    }
    if (!options->wanted.matches(entry)) return true;
    writer->add(entry);
    ++taken;
    last = entry.key();
    return true;
  };
  if (at_most_one) {
    if (auto entry = state->get(key_of(*c->kind, c->where.ns, *name))) add(*entry);
  } else {
    for (auto& entry : state->list(prefix, after))
      if (!add(entry)) break;
  }
  c->answer(writer->finish(state->revision(), next, remaining));
}

} // namespace troupe::gateway
