/*
 * wd_apikey.h - the text form of API keys.
 *
 * wd_live_ or wd_test_, 32 random base62 characters (190 bits), 6 base62
 * characters of the CRC-32 of all that stands before them.
 */
#ifndef WD_APIKEY_H
#define WD_APIKEY_H

#include "wd_str.h"

#define WD_APIKEY_PREFIX 8
#define WD_APIKEY_RANDOM 32
#define WD_APIKEY_CHECK 6
#define WD_APIKEY_LEN (WD_APIKEY_PREFIX + WD_APIKEY_RANDOM + WD_APIKEY_CHECK)

/* Form and checksum are right; says nothing about the key being known. */
bool wd_apikey_wellformed(wd_str_t key);

/*
 * Completes a key whose first WD_APIKEY_PREFIX + WD_APIKEY_RANDOM characters
 * are set, and zero-terminates it.
 */
void wd_apikey_seal(char key[WD_APIKEY_LEN + 1]);

/* A base62 character for a value below 62. */
char wd_base62(unsigned v);

#endif /* WD_APIKEY_H */
