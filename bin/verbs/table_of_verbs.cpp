// Every verb, in the order of help.
#include "bin/verbs/verbs.hpp"

namespace troupe::verbs {

const std::vector<verb>& all() {
  static const std::vector<verb> list{
      get_verb,      describe_verb,   events_verb,       top_verb,     wait_verb,
      auth_verb,     version_verb,    cluster_info_verb, explain_verb, api_resources_verb,
      raw_verb,      completion_verb, apply_verb,        diff_verb,    create_verb,
      replace_verb,  edit_verb,       patch_verb,        set_verb,     delete_verb,
      run_verb,      expose_verb,     scale_verb,        rollout_verb, label_verb,
      annotate_verb, logs_verb,       exec_verb,         attach_verb,  port_forward_verb,
      cp_verb,       cordon_verb,     uncordon_verb,     drain_verb,   taint_verb,
      why_verb,      why_stuck_verb,  trace_verb,        history_verb, undo_verb,
      actors_verb,   mailbox_verb,    ask_verb,          tell_verb,    loglevel_verb,
  };
  return list;
}

const verb* find(std::string_view name) {
  for (auto& v : all())
    if (v.name == name) return &v;
  return nullptr;
}

} // namespace troupe::verbs
