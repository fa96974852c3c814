/*
 * wd_mask.h - what a client wrote, made fit for logs and traces: it is valid
 * UTF-8 and contains neither API keys nor tokens.
 */
#ifndef WD_MASK_H
#define WD_MASK_H

#include "wd_str.h"

/* True when wd_mask() would change something, were there room enough. */
bool wd_mask_needed(wd_str_t s);

/*
 * Copies at most `cap` bytes and returns their number. Of an API key only its
 * prefix is left ("wd_live_***"), of a JWT its first letters ("eyJ***"); bytes
 * that are not UTF-8 become U+FFFD. No character is cut in the middle.
 */
size_t wd_mask(wd_str_t s, char *out, size_t cap);

#endif /* WD_MASK_H */
