"""How an Envoy spreads load over priorities (LOAD-2, LOAD-3)."""

from tests.groups import group, loads

from meshtier.dataplane import EnvoySettings, priority_loads


def test_a_whole_priority_takes_everything() -> None:
    assert loads("HHH", "HHH").load == (100, 0)


def test_ten_of_fourteen_hosts_are_a_whole_priority() -> None:
    # 140 * 5 // 7 = 100 and 140 * 7 // 10 = 98.
    assert loads("HHHHHUU", "H").load == (100, 0)
    assert loads("HHHHHHHUUU", "H").load == (98, 2)


def test_the_overprovisioning_factor_can_be_another() -> None:
    assert loads("HHHU", "H", overprovisioning_factor=100).load == (75, 25)


def test_failover_spills_and_returns_as_hosts_go_and_come() -> None:
    # three ready: 100; one gone: 93; two gone: 46; all gone: 0; all back: 100
    steps = [loads(near, "HH", panic_threshold=0).load for near in ("HHH", "HHU", "HUU", "UUU", "HHH")]
    assert steps == [(100, 0), (93, 7), (46, 54), (0, 100), (100, 0)]


def test_too_little_health_in_all_is_scaled_up_and_the_first_takes_the_rounding() -> None:
    result = loads("HUUUUUU", "HUUUUUU", "HUUUUUU", panic_threshold=0)
    assert result.healthy_availability == (20, 20, 20)
    assert result.load == (34, 33, 33)


def test_degraded_hosts_serve_what_no_healthy_host_can() -> None:
    result = loads("HHDDDUUUUU", "HDUUUUUUUU", panic_threshold=0)
    assert result.degraded_availability == (42, 14)
    assert result.healthy_load == (30, 14)
    assert result.degraded_load == (42, 14)


def test_rounding_goes_to_the_first_degraded_if_none_is_healthy() -> None:
    result = loads("DUUUUUU", "DUUUUUU", "DUUUUUU", panic_threshold=0)
    assert (result.healthy_load, result.degraded_load) == ((0, 0, 0), (34, 33, 33))


def test_draining_hosts_do_not_count_for_health() -> None:
    assert loads("HHHRRRR", "HHH").load == (100, 0)


def test_gaps_and_empty_priorities_get_nothing() -> None:
    result = priority_loads([group("HHHUU"), group("", 1), group("HHHHH", 3)])
    assert result.load == (84, 0, 0, 16)


def test_health_can_go_by_weight() -> None:
    groups = [group("HUUU", weights=(7, 1, 1, 1)), group("HHH", 1)]
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True)).load == (98, 2)
    assert priority_loads(groups).load == (35, 65)


def test_draining_hosts_do_not_count_for_health_by_weight_either() -> None:
    groups = [group("HURR", weights=(1, 1, 50, 50)), group("H", 1)]
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True)).load == (70, 30)


# Panic


def test_nothing_panics_while_there_is_health_enough_in_all() -> None:
    assert loads("HUUUUUUUUU", "HHHHHHHHHH").panic == (False, False)


def test_a_priority_panics_below_the_threshold_and_keeps_its_load() -> None:
    result = loads("HHHHHHUUUU", "HUUUUUUUUU")
    assert result.load == (86, 14)
    assert result.panic == (False, True)
    assert not result.total_panic


def test_health_of_99_in_all_is_not_enough_against_panic() -> None:
    # 140 * 29 // 41 = 99.
    assert loads("H" * 29 + "U" * 12, panic_threshold=90).panic == (True,)
    assert loads("H" * 30 + "U" * 12, panic_threshold=90).panic == (False,)


def test_the_threshold_itself_is_enough() -> None:
    assert loads("HHHHHUUUUU").panic == (False,)
    assert loads("HHHHUUUUUU").panic == (True,)


def test_degraded_hosts_count_against_panic() -> None:
    assert loads("HHHDDUUUUU").panic == (False,)


def test_draining_hosts_do_not_count_towards_panic() -> None:
    assert loads("HURRRR").panic == (False,)


def test_an_empty_priority_panics_with_the_rest() -> None:
    assert loads("", "UUU").panic == (True, True)
    assert loads("", "UUU").load == (0, 100)
    assert loads("", "UUU", "UUUUUU").load == (0, 34, 66)


def test_if_all_panic_load_follows_the_numbers_of_hosts_with_the_draining() -> None:
    result = loads("RRUU", "RUU")
    assert result.total_panic
    assert result.load == (58, 42)


def test_panic_goes_by_counts_even_if_health_goes_by_weight() -> None:
    groups = [group("HUU", weights=(1, 9, 9))]
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True, panic_threshold=33)).panic == (False,)
    assert priority_loads(groups, EnvoySettings(weighted_priority_health=True, panic_threshold=34)).panic == (True,)


def test_the_panic_threshold_is_truncated() -> None:
    # 2 of 7 are 28.57 %: under 29, and not under the 28 that it acts as.
    assert loads("HHUUUUU", panic_threshold=29).panic == (False,)
    assert loads("HHUUUUU", panic_threshold=30).panic == (True,)
