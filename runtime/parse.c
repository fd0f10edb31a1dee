/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/parse.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "nsutil/base/cleanup.h"

/* Long input is cut in error sentences; the rest would only hide what is wrong with it. */
#define SHOWN "%.100s%s"
#define SHOWN_ARGS(text) (text), strlen(text) > 100 ? "..." : ""

#define SIZE_FORM "expected a number with an optional unit K, M, G or T, as in 64M, 1.5G or 4096"
#define CPUS_FORM "expected a number above 0, as in 2 or 0.5"
#define DURATION_FORM "expected a number with an optional unit ms, s, m, h or d, as in 10, 1.5s or 500ms"
#define CPU_LIST_FORM "expected numbers and ranges, as in 0-3,7"
#define RLIMIT_FORM "expected NAME=SOFT[:HARD], as in nofile=1024 or core=0:unlimited"
#define SIGNAL_FORM "expected a name or a number, as in TERM, SIGUSR1, RTMIN+2 or 9"
#define VOLUME_FORM "expected SRC:DST[:ro], as in /data:/mnt:ro"
#define DEVICE_FORM "expected PATH[:INSIDE][:ACCESS], as in /dev/kvm, /dev/kvm:rw or /dev/sdb:/dev/disk:r"
#define TMPFS_FORM "expected DST[:SIZE], as in /tmp:64M"

/* strtod and isdigit ask the locale, and strtod takes "inf", "nan" and hexadecimal. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number: whole + fraction / scale. */
struct decimal {
	uint64_t whole;
	uint64_t fraction, scale; /* scale is a power of ten up to 10^9; further digits are dropped */
	bool has_fraction;
};

/*
 * Reads "123", "1.5", ".5" or "1." off the front of text. Returns what follows; NULL with *cause set when there is no
 * number, NULL with *cause NULL when it overflows.
 */
static const char *decimal_read(const char *text, struct decimal *decimal, const char **cause)
{
	const char *p = text;
	bool digits = false;
	*decimal = (struct decimal){.scale = 1};
	*cause = NULL;
	for (; is_digit(*p); p++, digits = true) {
		if (__builtin_mul_overflow(decimal->whole, 10, &decimal->whole) ||
		    __builtin_add_overflow(decimal->whole, (uint64_t)(*p - '0'), &decimal->whole))
			return NULL;
	}
	if (*p == '.') {
		decimal->has_fraction = true;
		for (p++; is_digit(*p); p++, digits = true) {
			if (decimal->scale < 1000000000) {
				decimal->fraction = decimal->fraction * 10 + (uint64_t)(*p - '0');
				decimal->scale *= 10;
			}
		}
	}
	if (!digits) {
		*cause = *text == '\0'                       ? "it is empty"
			 : *text == '-' && is_digit(text[1]) ? "it is negative"
							     : "it does not begin with a digit";
		return NULL;
	}
	return p;
}

/* decimal x unit, fractions cut; false when it exceeds INT64_MAX. */
static bool decimal_scale(const struct decimal *decimal, uint64_t unit, uint64_t *result)
{
	unsigned __int128 value =
		(unsigned __int128)decimal->whole * unit + (unsigned __int128)decimal->fraction * unit / decimal->scale;
	if (value > INT64_MAX)
		return false;
	*result = (uint64_t)value;
	return true;
}

int parse_number(const char *text, const char *what, uint64_t maximum, uint64_t *number, struct error *error)
{
	struct decimal decimal;
	const char *cause;
	const char *rest = decimal_read(text, &decimal, &cause);
	if (!rest && cause)
		return error_set(error, EINVAL, "'" SHOWN "' is not a %s: %s; expected a whole number",
				 SHOWN_ARGS(text), what, cause);
	if (rest && (*rest || decimal.has_fraction))
		return error_set(error, EINVAL, "'" SHOWN "' is not a %s: expected a whole number in decimal digits",
				 SHOWN_ARGS(text), what);
	if (!rest || decimal.whole > maximum)
		return error_set(error, ERANGE, "'" SHOWN "' is too large for a %s: at most %llu", SHOWN_ARGS(text),
				 what, (unsigned long long)maximum);
	*number = decimal.whole;
	return 0;
}

int parse_size(const char *text, uint64_t *bytes, struct error *error)
{
	static const char units[] = "KMGT";
	struct decimal decimal;
	const char *cause;
	const char *rest = decimal_read(text, &decimal, &cause);
	uint64_t unit = 1;
	if (!rest && cause)
		return error_set(error, EINVAL, "'" SHOWN "' is not a size: %s; " SIZE_FORM, SHOWN_ARGS(text), cause);
	if (rest && *rest) {
		const char *found = strchr(units, *rest & ~0x20);
		/* "64B" is bytes with its unit said, "64iB" is nothing. */
		bool bare_byte = strcasecmp(rest, "b") == 0;
		if (found && *found)
			unit = UINT64_C(1024) << (10 * (found - units));
		if (!bare_byte &&
		    (unit == 1 || (rest[1] && strcasecmp(rest + 1, "b") != 0 && strcasecmp(rest + 1, "ib") != 0)))
			return error_set(error, EINVAL, "'" SHOWN "' is not a size: '%.20s' is no unit; " SIZE_FORM,
					 SHOWN_ARGS(text), rest);
	}
	if (rest && decimal.has_fraction && unit == 1)
		return error_set(error, EINVAL, "'" SHOWN "' is not a size: there is no fraction of a byte; " SIZE_FORM,
				 SHOWN_ARGS(text));
	if (!rest || !decimal_scale(&decimal, unit, bytes))
		return error_set(error, ERANGE, "'" SHOWN "' is too large for a size: at most %lld bytes",
				 SHOWN_ARGS(text), (long long)INT64_MAX);
	return 0;
}

int parse_cpus(const char *text, double *cpus, struct error *error)
{
	struct decimal decimal;
	const char *cause;
	const char *rest = decimal_read(text, &decimal, &cause);
	if (!rest && cause)
		return error_set(error, EINVAL, "'" SHOWN "' is not a number of CPUs: %s; " CPUS_FORM, SHOWN_ARGS(text),
				 cause);
	if (rest && *rest)
		return error_set(error, EINVAL,
				 "'" SHOWN "' is not a number of CPUs: it goes on with '%.20s'; " CPUS_FORM,
				 SHOWN_ARGS(text), rest);
	if (!rest || decimal.whole > PARSE_CPUS_MAX || (decimal.whole == PARSE_CPUS_MAX && decimal.fraction))
		return error_set(error, ERANGE, "'" SHOWN "' is too large for a number of CPUs: at most %d",
				 SHOWN_ARGS(text), PARSE_CPUS_MAX);
	if (!decimal.whole && !decimal.fraction)
		return error_set(error, ERANGE, "'" SHOWN "' is too small for a number of CPUs: " CPUS_FORM,
				 SHOWN_ARGS(text));
	*cpus = (double)decimal.whole + (double)decimal.fraction / (double)decimal.scale;
	return 0;
}

int parse_duration(const char *text, uint64_t *nanoseconds, struct error *error)
{
	static const struct {
		const char *name;
		uint64_t nanoseconds;
	} units[] = {
		{"", 1000000000},        {"ms", 1000000},           {"s", 1000000000},
		{"m", 60 * 1000000000l}, {"h", 3600 * 1000000000l}, {"d", 86400 * 1000000000l},
	};
	struct decimal decimal;
	const char *cause;
	const char *rest = decimal_read(text, &decimal, &cause);

	if (!rest && cause)
		return error_set(error, EINVAL, "'" SHOWN "' is not a duration: %s; " DURATION_FORM, SHOWN_ARGS(text),
				 cause);
	for (size_t i = 0; rest && i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(rest, units[i].name) == 0) {
			if (!decimal_scale(&decimal, units[i].nanoseconds, nanoseconds))
				rest = NULL;
			else
				return 0;
		}
	}
	if (!rest)
		return error_set(error, ERANGE, "'" SHOWN "' is too long for a duration: at most 106751d",
				 SHOWN_ARGS(text));
	return error_set(error, EINVAL, "'" SHOWN "' is not a duration: '%.20s' is no unit; " DURATION_FORM,
			 SHOWN_ARGS(text), rest);
}

int parse_cpu_list(const char *text, unsigned int *highest, struct error *error)
{
	unsigned int largest = 0;
	const char *p = text;
	for (;;) {
		uint64_t bounds[2] = {0, 0};
		int n = 0;
		do {
			if (n)
				p++; /* the dash */
			if (!is_digit(*p))
				return error_set(error, EINVAL, "'" SHOWN "' is not a list of CPUs: %s; " CPU_LIST_FORM,
						 SHOWN_ARGS(text),
						 !*text ? "it is empty" : "a number is missing or malformed");
			for (; is_digit(*p); p++) {
				bounds[n] = bounds[n] * 10 + (uint64_t)(*p - '0');
				if (bounds[n] >= PARSE_CPUS_MAX)
					return error_set(error, ERANGE,
							 "'" SHOWN "' is not a list of CPUs: a number in it is too "
							 "large, at most %d",
							 SHOWN_ARGS(text), PARSE_CPUS_MAX - 1);
			}
			n++;
		} while (n < 2 && *p == '-');
		if (n == 2 && bounds[1] < bounds[0])
			return error_set(error, EINVAL,
					 "'" SHOWN
					 "' is not a list of CPUs: the range %d-%d goes downwards; " CPU_LIST_FORM,
					 SHOWN_ARGS(text), (int)bounds[0], (int)bounds[1]);
		if (bounds[n - 1] > largest)
			largest = (unsigned int)bounds[n - 1];
		if (!*p)
			break;
		if (*p != ',')
			return error_set(error, EINVAL,
					 "'" SHOWN "' is not a list of CPUs: '%.20s' is in the way; " CPU_LIST_FORM,
					 SHOWN_ARGS(text), p);
		p++;
	}
	if (highest)
		*highest = largest;
	return 0;
}

static const struct {
	const char *name;
	int resource;
	bool counts_bytes;
} rlimits[] = {
	{"as", RLIMIT_AS, true},
	{"core", RLIMIT_CORE, true},
	{"cpu", RLIMIT_CPU, false},
	{"data", RLIMIT_DATA, true},
	{"fsize", RLIMIT_FSIZE, true},
	{"locks", RLIMIT_LOCKS, false},
	{"memlock", RLIMIT_MEMLOCK, true},
	{"msgqueue", RLIMIT_MSGQUEUE, true},
	{"nice", RLIMIT_NICE, false},
	{"nofile", RLIMIT_NOFILE, false},
	{"nproc", RLIMIT_NPROC, false},
	{"rss", RLIMIT_RSS, true},
	{"rtprio", RLIMIT_RTPRIO, false},
	{"rttime", RLIMIT_RTTIME, false},
	{"sigpending", RLIMIT_SIGPENDING, false},
	{"stack", RLIMIT_STACK, true},
};
#define N_RLIMITS (sizeof(rlimits) / sizeof(*rlimits))

static int rlimit_value(const char *text, bool counts_bytes, uint64_t *value, struct error *error)
{
	if (strcasecmp(text, "unlimited") == 0 || strcasecmp(text, "infinity") == 0) {
		*value = UINT64_MAX;
		return 0;
	}
	return counts_bytes ? parse_size(text, value, error)
			    : parse_number(text, "resource limit", INT64_MAX, value, error);
}

int parse_rlimit(const char *text, struct berth_rlimit *rlimit, struct error *error)
{
	cleanup_free char *copy = strdup(text);
	if (!copy)
		return error_errno(error, ENOMEM, "parse the resource limit '" SHOWN "'", SHOWN_ARGS(text));
	char *soft_text = strchr(copy, '=');
	if (!soft_text)
		return error_set(error, EINVAL, "'" SHOWN "' is not a resource limit: it has no '='; " RLIMIT_FORM,
				 SHOWN_ARGS(text));
	*soft_text++ = '\0';
	char *hard_text = strchr(soft_text, ':');
	if (hard_text)
		*hard_text++ = '\0';

	const char *name = strncasecmp(copy, "RLIMIT_", 7) == 0 ? copy + 7 : copy;
	size_t i = 0;
	while (i < N_RLIMITS && strcasecmp(name, rlimits[i].name) != 0)
		i++;
	if (i == N_RLIMITS)
		return error_set(error, EINVAL,
				 "'" SHOWN "' is not a resource limit: getrlimit(2) knows no '%.40s'; " RLIMIT_FORM,
				 SHOWN_ARGS(text), copy);

	uint64_t soft = 0, hard;
	int result = rlimit_value(soft_text, rlimits[i].counts_bytes, &soft, error);
	hard = soft;
	if (result == 0 && hard_text)
		result = rlimit_value(hard_text, rlimits[i].counts_bytes, &hard, error);
	if (result < 0) {
		error_wrap(error, "'" SHOWN "' is not a resource limit", SHOWN_ARGS(text));
		return result;
	}
	if (soft > hard)
		return error_set(error, EINVAL, "'" SHOWN "' is not a resource limit: SOFT is above HARD; " RLIMIT_FORM,
				 SHOWN_ARGS(text));
	*rlimit = (struct berth_rlimit){.resource = rlimits[i].resource, .soft = soft, .hard = hard};
	return 0;
}

/* As glibc and kill(1) count them, and so the commands inside, whatever C library this is built with. signal(7) */
enum { RT_FIRST = 34, RT_LAST = 64 };

/* "RTMIN", "RTMIN+n", "RTMAX", "RTMAX-n": the signal, or 0. */
static int realtime_signal(const char *name)
{
	bool from_min = strncasecmp(name, "RTMIN", 5) == 0;
	uint64_t offset = 0;
	if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
		return 0;
	if (name[5]) {
		if (name[5] != (from_min ? '+' : '-'))
			return 0;
		if (parse_number(name + 6, "offset", RT_LAST - RT_FIRST, &offset, NULL) < 0)
			return 0;
	}
	return from_min ? RT_FIRST + (int)offset : RT_LAST - (int)offset;
}

int parse_signal(const char *text, int *signal, struct error *error)
{
	static const struct {
		const char *name;
		int signal;
	} aliases[] = {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"IO", SIGIO}};
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	int found = 0;

	if (is_digit(*text)) {
		uint64_t number;
		if (parse_number(text, "signal", RT_LAST, &number, NULL) == 0)
			found = (int)number;
	} else {
		for (int i = 1; i < 32 && !found; i++)
			if (sigabbrev_np(i) && strcasecmp(name, sigabbrev_np(i)) == 0)
				found = i;
		for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases) && !found; i++)
			if (strcasecmp(name, aliases[i].name) == 0)
				found = aliases[i].signal;
		if (!found)
			found = realtime_signal(name);
	}
	if (!found)
		return error_set(error, EINVAL, "'" SHOWN "' is not a signal: " SIGNAL_FORM, SHOWN_ARGS(text));
	*signal = found;
	return 0;
}

/*
 * Takes the field up to the next unescaped colon out of *cursor, unescaped, into a new string, and leaves
 * *cursor behind the colon, or NULL at the end. NULL with errno EINVAL: it ends in a lone backslash.
 */
static char *field_take(const char **cursor)
{
	const char *p = *cursor;
	char *field = malloc(strlen(p) + 1), *out = field;
	if (!field)
		return NULL;
	for (; *p && *p != ':'; p++) {
		if (*p == '\\' && !*++p) {
			free(field);
			errno = EINVAL;
			return NULL;
		}
		*out++ = *p;
	}
	*out = '\0';
	*cursor = *p ? p + 1 : NULL;
	return field;
}

int parse_volume(const char *text, char **source, char **target, bool *read_only, struct error *error)
{
	const char *cursor = text, *cause = NULL;
	cleanup_free char *from = field_take(&cursor);
	cleanup_free char *to = from && cursor ? field_take(&cursor) : NULL;
	if ((!from || (cursor && !to)) && errno == ENOMEM)
		return error_errno(error, ENOMEM, "parse the volume '" SHOWN "'", SHOWN_ARGS(text));
	if (!from || (!to && cursor))
		cause = "it ends in a backslash";
	else if (!to)
		cause = "it has no ':'";
	else if (!*from)
		cause = "SRC is empty";
	else if (*to != '/')
		cause = "DST is not an absolute path";
	else if (cursor && strcmp(cursor, "ro") != 0 && strcmp(cursor, "rw") != 0)
		cause = "what follows DST is neither 'ro' nor 'rw' (a backslash escapes a colon)";
	if (cause)
		return error_set(error, EINVAL, "'" SHOWN "' is not a volume: %s; " VOLUME_FORM, SHOWN_ARGS(text),
				 cause);
	*read_only = cursor && strcmp(cursor, "ro") == 0;
	*source = steal_pointer(&from);
	*target = steal_pointer(&to);
	return 0;
}

static bool is_access(const char *text)
{
	return *text && text[strspn(text, "rwm")] == '\0';
}

int parse_device(const char *text, char **path, char **inside, char **access, struct error *error)
{
	char *fields[3] = {NULL};
	const char *cursor = text, *cause = NULL;
	size_t n = 0;
	*path = *inside = *access = NULL;
	while (n < 3 && cursor && (fields[n] = field_take(&cursor)))
		n++;
	/* Of two the second is what it looks like. */
	if (n == 2 && is_access(fields[1])) {
		fields[2] = fields[1];
		fields[1] = NULL;
	}
	if (n < 3 && cursor && errno == ENOMEM)
		error_errno(error, ENOMEM, "parse the device '" SHOWN "'", SHOWN_ARGS(text));
	else if (n < 3 && cursor)
		cause = "it ends in a backslash";
	else if (cursor)
		cause = "it has too many ':' (a backslash escapes one)";
	else if (!*fields[0])
		cause = "PATH is empty";
	else if (fields[1] && *fields[1] != '/')
		cause = "what follows PATH is neither an absolute path nor letters of r, w and m";
	else if (fields[2] && !is_access(fields[2]))
		cause = "ACCESS is not of the letters r, w and m";
	if (cause)
		error_set(error, EINVAL, "'" SHOWN "' is not a device: %s; " DEVICE_FORM, SHOWN_ARGS(text), cause);
	if (cause || cursor) {
		for (size_t i = 0; i < 3; i++)
			free(fields[i]);
		return -error->code;
	}
	*path = fields[0];
	*inside = fields[1];
	*access = fields[2];
	return 0;
}

int parse_tmpfs(const char *text, char **target, uint64_t *bytes, struct error *error)
{
	const char *cursor = text;
	uint64_t size = 0;
	cleanup_free char *to = field_take(&cursor);
	if (!to && errno == ENOMEM)
		return error_errno(error, ENOMEM, "parse the tmpfs '" SHOWN "'", SHOWN_ARGS(text));
	if (!to)
		return error_set(error, EINVAL, "'" SHOWN "' is not a tmpfs: it ends in a backslash; " TMPFS_FORM,
				 SHOWN_ARGS(text));
	if (*to != '/')
		return error_set(error, EINVAL, "'" SHOWN "' is not a tmpfs: DST is not an absolute path; " TMPFS_FORM,
				 SHOWN_ARGS(text));
	if (cursor) {
		int result = parse_size(cursor, &size, error);
		if (result < 0) {
			error_wrap(error, "'" SHOWN "' is not a tmpfs", SHOWN_ARGS(text));
			return result;
		}
		if (size == 0)
			return error_set(error, ERANGE,
					 "'" SHOWN "' is not a tmpfs: a size of 0 holds nothing; " TMPFS_FORM,
					 SHOWN_ARGS(text));
	}
	*target = steal_pointer(&to);
	*bytes = size;
	return 0;
}
