#!/usr/bin/env python3
"""Writes schedules.json: what each schedule runs at, by walking a zone's clock minute by minute.

Nothing is computed cleverly here, so that it can judge a program that does: Python's zoneinfo tells what the clock
shows, and a named minute runs at the first minute of real time at which the clock shows it or has passed over it.
Needs Python 3.11 and the system's zones; takes a minute. Usage: make_schedules.py > schedules.json
"""
import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

NAMES = {name: 1 + i for i, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split())}
NAMES |= {name: i for i, name in enumerate("sun mon tue wed thu fri sat".split())}
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def field(text, low, high):
    numbers = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = low, high
        first = NAMES.get(first, first)
        last = 7 if last == "sun" else NAMES.get(last, last or first)
        numbers |= set(range(int(first), int(last) + 1, int(step or 1)))
    return numbers


def matcher(fields):
    minutes, hours, days, months, weekdays = (field(t, *b) for t, b in zip(fields, BOUNDS))
    weekdays = {day % 7 for day in weekdays}
    either = not fields[2].startswith("*") and not fields[4].startswith("*")

    def matches(local):
        if local.minute not in minutes or local.hour not in hours or local.month not in months:
            return False
        day, weekday = local.day in days, local.isoweekday() % 7 in weekdays
        return day or weekday if either else day and weekday

    return matches


def runs(schedule, after, count):
    words = schedule.split()
    start = datetime.strptime(after, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    if words[0].lower() in ("on-push", "manual"):
        return []
    if words[0].lower() in ("every", "hourly"):
        text = words[1].lower() if len(words) == 2 else "1h"
        period = int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
        first = (int(start.timestamp()) // period + 1) * period
        return [datetime.fromtimestamp(first + i * period, timezone.utc) for i in range(count)]
    if words[0].lower() == "daily":
        hour, minute = words[1].split(":")
        fields, zone = [str(int(minute)), str(int(hour)), "*", "*", "*"], words[2:]
    else:
        fields, zone = words[:5], words[5:]
    matches = matcher(fields)
    zone = ZoneInfo(zone[0]) if zone else timezone.utc
    # Three days before: no clock is set back by more, so what it had reached is known at the start.
    instant = start.replace(second=0) - timedelta(days=3)
    reached, found = instant.astimezone(zone).replace(tzinfo=None), []
    while len(found) < count:
        instant += timedelta(minutes=1)
        shown = instant.astimezone(zone).replace(tzinfo=None)
        due = False
        while reached < shown:
            reached += timedelta(minutes=1)
            due = due or matches(reached)
        if due and instant > start:
            found.append(instant)
    return found


CASES = [
    # name, schedule, after, how many
    ("a period runs at its multiples since 1970", "every 15m", "2026-03-01T10:07:31Z", 3),
    ("a run is strictly after the instant", "every 15m", "2026-03-01T10:15:00Z", 2),
    ("seconds", "every 2s", "2026-03-01T10:15:01Z", 3),
    ("a period that does not divide the day", "every 7h", "2026-12-31T20:00:00Z", 4),
    ("days", "every 2d", "2026-03-01T00:00:00Z", 3),
    ("before 1970", "every 6h", "1969-12-31T17:59:59Z", 3),
    ("hourly", "hourly", "2026-03-29T00:30:00Z", 4),
    ("case and spaces do not count", "  EVERY   15M ", "2026-03-01T10:00:00Z", 1),
    ("daily without a zone is UTC", "daily 02:00", "2026-03-28T02:00:00Z", 3),
    ("daily in Paris, winter to summer", "daily 02:00 Europe/Paris", "2026-03-27T12:00:00Z", 4),
    ("a skipped time runs once right after the jump", "daily 02:30 Europe/Paris", "2026-03-28T12:00:00Z", 2),
    ("the jump itself asked about", "daily 02:30 Europe/Paris", "2026-03-29T01:00:00Z", 1),
    ("the second before the jump", "daily 02:30 Europe/Paris", "2026-03-29T00:59:59Z", 1),
    ("what follows a jump is not run twice", "30 2,3 * * * Europe/Paris", "2026-03-28T12:00:00Z", 4),
    ("skipped and due at the jump are one run", "0,30 2,3 * * * Europe/Paris", "2026-03-29T00:00:00Z", 4),
    ("a doubled time runs the first time", "daily 02:30 Europe/Paris", "2026-10-24T12:00:00Z", 3),
    ("between the two", "daily 02:30 Europe/Paris", "2026-10-25T00:45:00Z", 1),
    ("the end of the doubled hour", "daily 03:00 Europe/Paris", "2026-10-25T00:00:00Z", 2),
    ("every hour, named, through a doubled one", "0 * * * * Europe/Paris", "2026-10-24T23:30:00Z", 4),
    ("every hour, named, through a skipped one", "0 * * * * Europe/Paris", "2026-03-29T00:00:00Z", 3),
    ("every quarter, named, through a doubled hour", "*/15 * * * * Europe/Paris", "2026-10-25T00:00:00Z", 8),
    ("New York, skipped", "daily 02:15 America/New_York", "2026-03-07T12:00:00Z", 3),
    ("New York, doubled", "daily 01:30 America/New_York", "2026-10-31T12:00:00Z", 3),
    ("New York, the hour before the doubled one", "daily 00:59 America/New_York", "2026-11-01T00:00:00Z", 2),
    ("Lord Howe, half an hour skipped", "daily 02:15 Australia/Lord_Howe", "2026-10-02T12:00:00Z", 3),
    ("Lord Howe, half an hour doubled", "daily 01:45 Australia/Lord_Howe", "2026-04-03T12:00:00Z", 3),
    ("Lord Howe, just before the doubled half hour", "daily 01:29 Australia/Lord_Howe", "2026-04-04T12:00:00Z", 2),
    ("Dublin, whose winter time is the exception", "daily 01:30 Europe/Dublin", "2026-03-28T12:00:00Z", 3),
    ("Casablanca", "daily 02:30 Africa/Casablanca", "2026-02-13T12:00:00Z", 4),
    ("Quito has no summer time", "daily 23:55 America/Guayaquil", "2026-12-31T00:00:00Z", 2),
    ("Kathmandu, 5:45 ahead", "daily 00:00 Asia/Kathmandu", "2026-06-01T00:00:00Z", 2),
    ("Apia, 30 December 2011 never was", "0 12 30 * * Pacific/Apia", "2011-12-29T00:00:00Z", 2),
    ("beyond the table, by the zone's rule", "daily 02:30 Europe/Paris", "2099-03-28T12:00:00Z", 2),
    ("29 February", "0 12 29 2 *", "2026-01-01T00:00:00Z", 2),
    ("29 February, a century that is no leap year", "0 0 29 feb *", "2096-03-01T00:00:00Z", 1),
    ("the 31st, where there is one", "30 6 31 * *", "2026-01-31T06:30:00Z", 4),
    ("the 30th and the end of the year", "0 0 30 * *", "2026-12-30T00:00:00Z", 3),
    ("either day will do when both are restricted", "0 0 13 * 5", "2026-02-01T00:00:00Z", 6),
    ("both must match when one begins with a star", "0 0 */2 * mon", "2026-06-01T00:00:00Z", 4),
    ("a star weekday restricts nothing", "0 0 13 * *", "2026-02-01T00:00:00Z", 2),
    ("weekday 7 is Sunday", "0 9 * * 7", "2026-06-01T00:00:00Z", 2),
    ("weekday 0 is Sunday", "0 9 * * 0", "2026-06-01T00:00:00Z", 2),
    ("a range written to its Sunday", "0 9 * * fri-sun", "2026-06-01T00:00:00Z", 4),
    ("names, lists, ranges, steps", "5-50/15,59 8-18/5 1,15 JAN,jul *", "2026-01-01T00:00:00Z", 9),
    ("working hours in New York", "*/30 9-17 * * mon-fri America/New_York", "2026-03-06T21:30:00Z", 4),
    ("the last minute of the year", "59 23 31 12 *", "2026-01-01T00:00:00Z", 2),
    ("on-push has no run of its own", "on-push", "2026-01-01T00:00:00Z", 1),
    ("nor has manual", "manual", "2026-01-01T00:00:00Z", 1),
]

REFUSED = [
    ("", "schedule.form"), ("weekly", "schedule.form"), ("hourly 5", "schedule.form"), ("* * * *", "schedule.form"),
    ("* * * * * UTC UTC", "schedule.form"), ("every", "schedule.form"), ("every 15 m", "schedule.form"),
    ("@daily", "schedule.form"), ("every 0m", "schedule.period"), ("every 15", "schedule.period"),
    ("every -5m", "schedule.period"), ("every 1.5h", "schedule.period"), ("every 367d", "schedule.period"),
    ("every 99999999999999999999s", "schedule.period"), ("daily 24:00", "schedule.time"),
    ("daily 2:00", "schedule.time"), ("daily 02:60", "schedule.time"), ("daily 02:00:00", "schedule.time"),
    ("60 * * * *", "schedule.field"), ("* 24 * * *", "schedule.field"), ("* * 0 * *", "schedule.field"),
    ("* * 32 * *", "schedule.field"), ("* * * 13 *", "schedule.field"), ("* * * * 8", "schedule.field"),
    ("5-1 * * * *", "schedule.field"), ("*/0 * * * *", "schedule.field"), ("5/10 * * * *", "schedule.field"),
    ("1,,2 * * * *", "schedule.field"), ("* * * * mon-", "schedule.field"), ("* * * foo *", "schedule.field"),
    ("0 0 30 2 *", "schedule.never"), ("0 0 31 4,6,9,11 *", "schedule.never"),
    ("daily 02:00 Europe/Atlantis", "schedule.zone"), ("daily 02:00 ../../etc/passwd", "schedule.zone"),
    ("daily 02:00 Europe/", "schedule.zone"), ("daily 02:00 +01:00", "schedule.zone"),
    ("daily 02:00 CET-1CEST", "schedule.zone"),
]


def zone_of(schedule):
    words = schedule.split()
    last = words[-1] if words and "/" in words[-1] and words[-1][0].isalpha() else "UTC"
    return last


vectors = [
    {"name": name, "schedule": schedule, "zone": zone_of(schedule), "after": after,
     "next": [instant.strftime("%Y-%m-%dT%H:%M:%SZ") for instant in runs(schedule, after, count)]}
    for name, schedule, after, count in CASES
]
print(json.dumps({
    "about": "Each run after an instant, in order; made by make_schedules.py. Rules SP-901 to SP-910.",
    "vectors": vectors,
    "refused": [{"schedule": schedule, "code": code} for schedule, code in REFUSED],
}, indent=1))
