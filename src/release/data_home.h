/* data_home.h - data inside the environment (DATA_DIR not set: PACKAGE/data) moves once, by rename
 * while the application is stopped, to ENV.data, and every release holds a link to it, so that
 * start scripts need no change in either direction. */
#pragma once
#include "base/error.h"
#include "release/release.h"

typedef enum { DATA_INSIDE, DATA_MOVED, DATA_NEITHER } DataHome;

/* Where the data of this release is: a real folder PACKAGE/data (a folder with nothing but what the
 * wheel ships is DATA_NEITHER), or a link to ENV.data. */
bool data_home_state(const Site *site, const Release *release, DataHome *ret, Err *err) NODISCARD;
/* PACKAGE/data becomes ENV.data and the link takes its place, in one exchange: a crash finds the
 * data under a name that the application uses. Both ways are safe to repeat after a crash at any
 * point. */
bool data_home_move(const Site *site, const Release *release, Err *err) NODISCARD;
bool data_home_move_back(const Site *site, const Release *release, Err *err) NODISCARD;
/* Make PACKAGE/data of another release a link to ENV.data (its own folder must be absent, or hold
 * no more than the readme.txt of the wheel; else ERR_REFUSED). */
bool data_home_link(const Site *site, const Release *release, Err *err) NODISCARD;
