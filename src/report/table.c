#include "report/table.h"

#include "base/list.h"
#include "base/mem.h"
#include "report/columns.h"

struct Table {
	size_t columns;
	bool has_headings;
	bool right[TABLE_COLUMNS_MAX];
	int width[TABLE_COLUMNS_MAX];
	StrList cells; /* row after row, headings first */
};

Table *table_new(size_t columns, const char *const *headings)
{
	Table *table = NEW(Table);

	table->columns = columns < TABLE_COLUMNS_MAX ? columns : TABLE_COLUMNS_MAX;
	table->has_headings = headings != NULL;
	if (headings)
		table_row(table, headings);
	return table;
}

void table_free(Table *table)
{
	if (!table)
		return;
	strlist_clear(&table->cells);
	free(table);
}

void table_row(Table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns; i++) {
		const int width = columns_of(cells[i]);

		strlist_add(&table->cells, cells[i] ? cells[i] : "");
		if (width > table->width[i])
			table->width[i] = width;
	}
}

void table_right(Table *table, size_t column)
{
	if (column < table->columns)
		table->right[column] = true;
}

size_t table_rows(const Table *table)
{
	return table->cells.len / table->columns - (table->has_headings ? 1 : 0);
}

static void add_cell(Text *line, const Table *table, size_t column, const char *cell)
{
	if (table->right[column]) {
		for (int left = table->width[column] - columns_of(cell); left > 0; left--)
			text_add(line, " ");
		text_add(line, cell);
	} else if (column + 1 < table->columns) {
		columns_pad(line, cell, table->width[column]);
	} else {
		text_add(line, cell);
	}
}

void table_show(const Table *table, Out *out)
{
	for (size_t at = 0; at < table->cells.len; at += table->columns) {
		const bool heading = at == 0 && table->has_headings;
		AUTO(text_clear) Text line = TEXT_INIT(64 * 1024);

		for (size_t i = 0; i < table->columns; i++) {
			if (i > 0)
				text_add(&line, "  ");
			add_cell(&line, table, i, table->cells.items[at + i]);
		}
		while (line.len > 0 && line.data[line.len - 1] == ' ')
			line.data[--line.len] = '\0';
		out_addf(out, "%s%s%s\n", heading ? out_ink(out, INK_STRONG) : "",
			line.data ? line.data : "", heading ? out_ink(out, INK_NONE) : "");
	}
}
