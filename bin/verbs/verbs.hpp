// The verbs, each in the file of its name, and what several of them share.
#pragma once

#include "bin/verbs/output.hpp"

#include <filesystem>

namespace troupe::verbs {

extern const verb get_verb, describe_verb, events_verb, top_verb;
extern const verb apply_verb, diff_verb, create_verb, replace_verb, delete_verb, edit_verb,
    patch_verb;
extern const verb scale_verb, rollout_verb, run_verb, expose_verb, set_verb;
extern const verb logs_verb, exec_verb, attach_verb, port_forward_verb, cp_verb;
extern const verb wait_verb, label_verb, annotate_verb;
extern const verb cordon_verb, uncordon_verb, drain_verb, taint_verb;
extern const verb explain_verb, api_resources_verb, raw_verb, version_verb, cluster_info_verb, auth_verb;
extern const verb why_verb, why_stuck_verb, trace_verb, history_verb, undo_verb;
extern const verb actors_verb, mailbox_verb, ask_verb, tell_verb, loglevel_verb, completion_verb;

/// An object of a file: where it goes, and what it is.
struct file_object {
  target where;
  json::value document;
};

/// Whether a file of a folder is taken for a manifest, by its name.
bool is_manifest(const std::filesystem::path& file);
/// The objects of every -f, in the order of their files.
result<std::vector<file_object>> read_objects(session& s, const arguments& given);
/// Of a text, with its name for messages.
result<std::vector<file_object>> read_objects(session& s, const std::string& name,
                                              std::string_view text);

/// The objects that -f, or else words, --selector, --all and --field-selector, name.
result<std::vector<target>> select_targets(session& s, const arguments& given,
                                           const std::vector<std::string>& words);

/// "?fieldManager=...&dryRun=All", from --field-manager and --dry-run.
result<std::string> write_query(const arguments& given, std::string_view manager = "troupe");
/// " (dry run)", when that is what it is.
std::string dry_run_note(const arguments& given);
// Constants, because verbs are made of them before the program begins.
inline constexpr flag dry_run_flag{"dry-run", 0, "none|client|server", "only say what would happen",
                                   "client"};
inline constexpr flag manager_flag{"field-manager", 0, "NAME", "whose fields these are (troupe)"};
inline constexpr flag filename_flag{
    "filename", 'f', "FILE",
    "a file or folder of manifests, - for standard input; may be repeated"};
inline constexpr flag selector_flag{"selector", 'l', "LABELS",
                                    "those with these labels: app=web,tier!=db"};

/// Runs a line of the system's shell and waits for its end; what waitpid says of it.
result<int> run_line(const std::string& line);

/// Lets the user change a text in his editor; empty if he changed nothing.
result<std::string> edit_text(const std::string& text, const char* suffix);

/// A revision of the store, for `at`: a revision, a time, or a duration ago.
result<std::string> revision_at(session& s, const std::string& at);

/// The object as it was then.
result<json::value> as_it_was(session& s, const target& what, const std::string& at);

/// Waits until `settled` says so of the object as it is and with each change; null: it is gone.
/// timeout if it does not.
result<void> wait_for(session& s, const target& what, std::chrono::milliseconds patience,
                      const std::function<bool(const json::value* object)>& settled);

/// What keeps an object from being what it should be; empty if it is.
std::string unmet(const kind_info& kind, const json::value& object);

/// The pod that is meant by "web-1", "pod/web-1" or "deployment/web".
result<target> find_pod(session& s, const std::string& word,
                        std::chrono::milliseconds patience = {});
/// Labels as a selector: "app=web,tier=front".
std::string selector_of(const json::value& object);

} // namespace troupe::verbs
