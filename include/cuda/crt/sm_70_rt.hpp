/* clang's intrinsics header includes this name; what it needs is there already. */
