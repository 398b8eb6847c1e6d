/* data_home.h - data inside the environment (DATA_DIR not set: PACKAGE/data) moves once, by rename
 * while the application is stopped, to ENV.data, and every release holds a link to it, so that start
 * scripts need no change in either direction. */
#pragma once
#include "base/error.h"
#include "release/release.h"

typedef enum { DATA_INSIDE, DATA_MOVED, DATA_NEITHER } DataHome;

/* Where the data of this release is: a real folder PACKAGE/data, or a link to ENV.data. */
bool data_home_state(const Site *site, const Release *release, DataHome *ret, Err *err) NODISCARD;
/* rename(PACKAGE/data, ENV.data), then the link. Safe to repeat after a crash in between. */
bool data_home_move(const Site *site, const Release *release, Err *err) NODISCARD;
bool data_home_move_back(const Site *site, const Release *release, Err *err) NODISCARD;
/* Make PACKAGE/data of another release a link to ENV.data (its own folder must be absent or empty). */
bool data_home_link(const Site *site, const Release *release, Err *err) NODISCARD;
