/* Setting errors: the inside of cairn_error(). */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
#include <cairn/base.h>

#define error_set cairn_error_set

/* Work for another thread, which is to report what goes wrong: between begin and end this thread's errors are neither printed
 * nor do they abort. begin puts the error that is there aside; end brings it back and gives what came up between. */
enum { ERROR_MESSAGE_BYTES = 1024 };
typedef struct error_aside {
    cairn_status status;
    cairn_source_line where;
    bool silent;
    char message[ERROR_MESSAGE_BYTES];
} error_aside;
void error_aside_begin(error_aside *a);
cairn_status error_aside_end(error_aside *a, char message[ERROR_MESSAGE_BYTES]);

#endif
