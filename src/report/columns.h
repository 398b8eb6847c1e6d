/* columns.h - how wide a text is on a terminal, where a Korean syllable takes two columns, and
 * texts cut, padded and wrapped by that width. Bytes that are no text of the locale count as one.
 */
#pragma once
#include <stddef.h>

#include "base/text.h"

int columns_of(const char *text);
/* The longest beginning that fits into `columns`; the result is its length in bytes. */
size_t columns_fit(const char *text, int columns);
/* Adds `text`, cut to `columns`, and spaces up to them. */
void columns_pad(Text *out, const char *text, int columns);
/* Adds `text` broken at spaces into lines of at most `width` columns, each behind `indent` spaces
 * (the first one behind what `out` has in its last line already, which must be `indent` wide).
 * A newline in `text` stays one. Ends with a newline. */
void columns_wrap(Text *out, const char *text, int indent, int width);
