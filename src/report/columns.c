#include "report/columns.h"

#include <string.h>
#include <wchar.h>

/* The bytes of the character at `text` and its width. */
static size_t next(const char *text, int *ret_width)
{
	wchar_t wide = 0;
	mbstate_t state = {0};
	const size_t len = mbrtowc(&wide, text, strnlen(text, 8), &state);
	int width = 1;

	if (len == 0 || len == (size_t)-1 || len == (size_t)-2) {
		*ret_width = 1;
		return 1;
	}
	width = wcwidth(wide);
	*ret_width = width < 0 ? 1 : width;
	return len;
}

int columns_of(const char *text)
{
	int total = 0, width = 0;

	for (size_t at = 0; text && text[at]; total += width)
		at += next(text + at, &width);
	return total;
}

size_t columns_fit(const char *text, int columns)
{
	size_t at = 0;
	int width = 0;

	while (text[at]) {
		const size_t len = next(text + at, &width);

		if (width > columns)
			break;
		columns -= width;
		at += len;
	}
	return at;
}

void columns_pad(Text *out, const char *text, int columns)
{
	const size_t fits = columns_fit(text ? text : "", columns);

	text_add_bytes(out, text ? text : "", fits);
	for (int left = columns - columns_of(text ? text : ""); left > 0; left--)
		text_add(out, " ");
}

/* Length of the piece of `line` that goes on one line of `room` columns: up to the last space that
 * fits, else one whole word. Korean breaks at spaces too. */
static size_t piece(const char *line, size_t len, int room)
{
	size_t fits = columns_fit(line, room);

	if (fits >= len)
		return len;
	for (size_t at = fits; at > 0; at--) {
		if (line[at] == ' ')
			return at;
	}
	while (fits < len && line[fits] != ' ')
		fits++;
	return fits;
}

void columns_wrap(Text *out, const char *text, int indent, int width)
{
	bool first = true;

	do {
		size_t len = strcspn(text, "\n");

		do {
			const size_t part = piece(text, len, width - indent);

			if (!first && part > 0)
				text_addf(out, "%*s", indent, "");
			first = false;
			text_add_bytes(out, text, part);
			text_add(out, "\n");
			text += part;
			len -= part;
			while (len > 0 && *text == ' ') {
				text++;
				len--;
			}
		} while (len > 0);
		if (*text == '\n')
			text++;
	} while (*text);
}
