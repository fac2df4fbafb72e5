// How memory is taken from the system and given back: few arenas, because a small program must not
// hold a reserve for each thread, and freed pages returned soon.
extern "C" const char* malloc_conf;
const char* malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_max:8192";
