/* table.h - rows of cells as aligned columns, right for Korean and other wide characters. The last
 * column is not padded, so that no line ends in spaces. */
#pragma once
#include <stddef.h>

#include "base/cleanup.h"
#include "report/terminal.h"

enum { TABLE_COLUMNS_MAX = 8 };

typedef struct Table Table;

/* `headings` are translated texts, or NULL for a table without; copied. */
Table *table_new(size_t columns, const char *const *headings);
void table_free(Table *table);
DEFINE_AUTO(Table, table_free)
void table_row(Table *table, const char *const *cells); /* NULL cells are empty */
/* Columns from the left whose numbers are to stand under each other. */
void table_right(Table *table, size_t column);
size_t table_rows(const Table *table);
void table_show(const Table *table, Out *out);
