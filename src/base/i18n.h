/* i18n.h - marking and translating texts. N_() marks a literal that is stored in a table and
 * translated later with _(), which translates at the place of display. */
#pragma once
#include <libintl.h>

#define _(text)  gettext(text)
#define N_(text) (text)
