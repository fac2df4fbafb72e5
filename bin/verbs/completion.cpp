// `troupe completion`: scripts by which a system's shell asks this program what may stand next.
#include "bin/verbs/complete.hpp"
#include "bin/verbs/verbs.hpp"

namespace troupe::verbs {

namespace {

constexpr const char* bash =
    R"(# troupe: completion for bash. To have it always: troupe completion bash > /etc/bash_completion.d/troupe
_troupe() {
  local IFS=$'\n'
  COMPREPLY=($(troupe completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _troupe troupe
)";

constexpr const char* zsh = R"(#compdef troupe
# troupe: completion for zsh. To have it always: troupe completion zsh > "${fpath[1]}/_troupe"
_troupe() {
  local -a found
  found=("${(@f)$(troupe completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $found
}
compdef _troupe troupe
)";

constexpr const char* fish =
    R"(# troupe: completion for fish. To have it always: troupe completion fish > ~/.config/fish/completions/troupe.fish
complete -c troupe -f -a '(set -l w (commandline -opc) (commandline -ct); troupe completion words -- $w[2..-1] 2>/dev/null)'
)";

int run_completion(session& s, const arguments& given) {
  auto word = given.words.empty() ? "" : given.words[0];
  if (word == "bash" || word == "zsh" || word == "fish") {
    s.print(word == "bash" ? bash : word == "zsh" ? zsh : fish);
    return done;
  }
  if (word == "words") {
    // The last one is what is being typed.
    auto words = given.behind;
    auto begun = words.empty() ? std::string{} : words.back();
    if (!words.empty()) words.pop_back();
    for (auto& candidate : complete(s, words, begun)) s.print_line(candidate);
    return done;
  }
  return s.fail({errc::bad_request, "completion takes bash, zsh or fish"});
}

} // namespace

const verb completion_verb{
    "completion",    "Look", "print a script for completion by your shell",
    "bash|zsh|fish", {},     "completion bash > /etc/bash_completion.d/troupe",
    run_completion};

} // namespace troupe::verbs
