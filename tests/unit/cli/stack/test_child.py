from cli.stack.child import next_delay_s


def test_delays_double_from_half_a_second_to_ten():
    delays, delay = [], 0.0
    for _ in range(7):
        delay = next_delay_s(delay, lived_s=0.1)
        delays.append(delay)
    assert delays == [0.5, 1, 2, 4, 8, 10, 10]


def test_a_long_life_starts_the_delays_anew():
    assert next_delay_s(10, lived_s=30) == 0.5
    assert next_delay_s(4, lived_s=29.9) == 8
