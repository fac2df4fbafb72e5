// The entry point of every command and role.
int main() { return 0; }
