"""What a dry run found, as people and programs read it."""

from cli.output import duration, out, print_table
from db.forecasts import PHOTOS_FOR_A_RATE
from worker.dry_run import HOSTS_TOLD, Forecast, Photos


def show_forecast(forecast: Forecast) -> None:
    """On stdout: rows as a table, then what looking at the photos would take."""
    rows = {outcome.value: count for outcome, count in forecast.tally.rows.items()}
    print_table("What the import would do", ["rows", *rows], [[sum(rows.values()), *rows.values()]])
    for name, says in (
        ("photos", photos_in_words(forecast.photos)),
        ("hosts", hosts_in_words(forecast.photos)),
        ("time", time_in_words(forecast)),
        ("disk", f"at most {size(forecast.stored_bytes)} more in the store" if forecast.stored_bytes else ""),
        ("memory", index_in_words(forecast)),
        ("withdrawn", withdrawn_in_words(forecast)),
    ):
        if says:
            out.print(f"{name:<11}{says}", soft_wrap=True, markup=False)
    out.print("Nothing was changed.")


def photos_in_words(photos: Photos) -> str:
    parts = [
        f"{photos.to_fetch:,} to fetch" if photos.to_fetch else "",
        f"{photos.asked_again:,} to ask for again" if photos.asked_again else "",
        f"{photos.at_hand:,} at hand" if photos.at_hand else "",
    ]
    others = [
        f"{photos.known:,} known by their content" if photos.known else "",
        f"{photos.without_file:,} would go into quarantine, as they have no file" if photos.without_file else "",
    ]
    sums = " + ".join(filter(None, parts))
    to_look_at = f"{photos.to_look_at:,} to look at = {sums}" if sums else "none to look at"
    return "; ".join(filter(None, [to_look_at, *others]))


def hosts_in_words(photos: Photos) -> str:
    told = photos.hosts.most_common(HOSTS_TOLD)
    more = len(photos.hosts) - len(told)
    return ", ".join([f"{host} {count:,}" for host, count in told] + ([f"and {more:,} more"] if more else []))


def time_in_words(forecast: Forecast) -> str:
    rate = forecast.capacity.photos_per_s
    if not forecast.photos.to_look_at:
        return ""
    if forecast.seconds is None or rate is None:
        return f"unknown: no import has had {PHOTOS_FOR_A_RATE} photos looked at by the active model version yet"
    return f"at most about {duration(forecast.seconds)}, at {rate:,.1f} photos/s as the last import"


def index_in_words(forecast: Forecast) -> str:
    if not forecast.photos.to_look_at:
        return ""
    vectors = forecast.capacity.vectors + forecast.photos.new
    return f"at most {size(forecast.index_bytes)} for the index of {vectors:,} photos"


def withdrawn_in_words(forecast: Forecast) -> str:
    if forecast.withdrawal is None:
        return ""
    found = forecast.withdrawal
    return found.refusal or f"{found.listings:,} of {found.available:,} available listings"


def size(count: int) -> str:
    """Bytes as `850 kB`, `12 MB` or `1.2 GB`."""
    if count < 1_000_000:
        return f"{-(-count // 1000)} kB"
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"
