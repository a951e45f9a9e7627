/* `cairn-cc` is `cairn cc` as a program of its own, for makefiles that want one word. */
int cc_main(int argc, char **argv);

int main(int argc, char **argv) { return cc_main(argc, argv); }
