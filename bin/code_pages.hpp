// How a program that waits stays small: starting needs most of its code once, and what was read of
// it counts as the program's memory until somebody else wants the room.
#pragma once

namespace troupe {

/// Gives back the pages of code and constants, the program's own and its libraries'. Those that are
/// needed again come from the system's cache, sixteen at a time, without being read from the disk.
void give_back_code();

} // namespace troupe
