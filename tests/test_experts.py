"""The simulated panel: what it sees, how raters differ, and that its exam is a fair one (``-rP`` shows its figures)."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from spermscope.agreement import krippendorff_alpha
from spermscope.labels import distribution, vote_counts
from spermscope.metrics import mean_distribution, mse, noise_floor
from spermscope.simulate.donors import FEWEST, MOST, draw_cells, draw_donor
from spermscope.simulate.experts import RATERS, Appearance, Panel, appearance
from spermscope.simulate.optics import clean_optics
from spermscope.simulate.swimmers import Swimmers

TIMES_S = np.arange(16) / 15
PANEL = 40


@dataclass
class Exam:
    shape: np.ndarray
    movement: np.ndarray
    donor: np.ndarray
    votes: np.ndarray


def clips(donor, count, rng):
    cells = draw_cells(donor, count, rng)
    swimmers = Swimmers(cells, (400, 400), 1.2, rng)
    poses = [swimmers.at(time_s) for time_s in TIMES_S]
    return cells, np.stack([np.column_stack([pose.x_um, pose.y_um]) for pose in poses], axis=1)


@pytest.fixture(scope="module", params=[2026, 2027])
def exam(request):
    """Donors with 8 to 30 cells each; the experts' constants were chosen on other seeds."""
    rng = np.random.default_rng(request.param)
    panel = Panel(np.random.default_rng(PANEL))
    parts = []
    for number in range(400):
        donor = draw_donor(rng, number)
        cells, xy_um = clips(donor, int(rng.integers(FEWEST, MOST + 1)), rng)
        seen = appearance(cells, donor.optics, donor.um_per_px, TIMES_S, xy_um)
        parts.append((seen.shape, seen.movement, np.full(len(cells), number), panel.votes(seen, rng)))
    return Exam(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def explained(term, grade):
    """R^2 of a fifth-degree polynomial."""
    columns = np.stack([term**power for power in range(6)], axis=1)
    fit = columns @ np.linalg.lstsq(columns, grade, rcond=None)[0]
    return 1 - np.mean((grade - fit) ** 2) / grade.var()


def between_donors(grade, donor):
    """Share of the variance that lies between donors: one-way random effects of unequal groups (Searle 1992)."""
    size = np.bincount(donor)
    means = np.bincount(donor, grade) / size
    between = np.sum(size * (means - grade.mean()) ** 2) / (len(size) - 1)
    within = np.sum((grade - means[donor]) ** 2) / (len(grade) - len(size))
    typical = (len(grade) - np.sum(size**2) / len(grade)) / (len(size) - 1)
    component = (between - within) / typical
    return component / (component + within)


def test_shape_alone_and_movement_alone_each_explain_a_quarter_to_three_fifths(exam):
    grade = exam.votes.mean(axis=1)
    found = explained(exam.shape, grade), explained(exam.movement, grade)
    print("explained by shape {:.3f}, by movement {:.3f}".format(*found))
    assert 0.25 <= min(found) <= max(found) <= 0.60


def test_the_mean_distribution_is_ten_times_the_noise_away(exam):
    labels = distribution(exam.votes, 5)
    far = mse(mean_distribution(labels, len(labels)), labels).mean()
    floor = noise_floor(mse, labels, RATERS, np.random.default_rng(1))
    print(f"MSE of the mean row {far:.4f}, noise floor {floor:.5f}, ratio {far / floor:.1f}")
    assert far >= 10 * floor


def test_donors_and_raters_each_make_a_tenth_to_a_third_of_the_difference(exam):
    donor = between_donors(exam.votes.mean(axis=1), exam.donor)
    rater = exam.votes.mean(axis=0).var(ddof=1) / exam.votes.var()
    print(f"share of donors {donor:.3f}, of raters {rater:.3f}")
    assert 0.10 <= donor <= 0.30
    assert 0.10 <= rater <= 0.30


def test_every_grade_is_used(exam):
    shares = np.bincount(exam.votes.ravel(), minlength=5) / exam.votes.size
    print(f"shares of the grades {shares.round(3)}")
    assert shares.min() >= 0.08
    assert shares.max() <= 0.40


def test_raters_agree_more_than_chance_and_less_than_fully(exam):
    alpha = krippendorff_alpha(vote_counts(exam.votes, 5)).value
    print(f"ordinal alpha {alpha:.3f}")
    assert 0.3 <= alpha <= 0.9


@pytest.fixture(scope="module")
def cell():
    """One well-shaped progressive cell, in focus, and straight paths for it."""
    rng = np.random.default_rng(5)
    donor = draw_donor(rng, 0)
    cells = draw_cells(donor, 1, rng)
    return replace(
        cells,
        head_length_um=np.array([4.4]),
        head_width_um=np.array([2.9]),
        head_taper=np.array([0.1]),
        head_roughness=np.array([0.0]),
        vacuole=np.array([0.0]),
        midpiece_bend_deg=np.array([0.0]),
        droplet_um=np.array([0.0]),
        tail_length_um=np.array([47.0]),
        tail_coil=np.array([0.0]),
        z_um=np.array([0.0]),
    )


def straight(speed_um_s):
    return np.stack([speed_um_s * TIMES_S, np.zeros(16)], axis=1)[None]


def look(cells, speed_um_s=40.0, optics=None, um_per_px=0.3):
    return appearance(cells, optics or clean_optics(), um_per_px, TIMES_S, straight(speed_um_s))


DEFECTS = {
    "head_length_um": 7.0,
    "head_width_um": 1.8,
    "head_taper": 0.8,
    "head_roughness": 0.9,
    "vacuole": 0.3,
    "midpiece_bend_deg": 80.0,
    "droplet_um": 2.5,
    "tail_length_um": 10.0,
    "tail_coil": 0.9,
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_in_focus_costs_shape_and_out_of_focus_it_costs_less(cell, name):
    spoiled = replace(cell, **{name: np.array([DEFECTS[name]])})
    loss = look(cell).shape - look(spoiled).shape
    far = np.array([12.0])
    blurred = look(replace(cell, z_um=far)).shape - look(replace(spoiled, z_um=far)).shape
    assert loss > 0.1
    assert 0 <= blurred < 0.6 * loss


def test_a_blurred_shape_comes_to_the_middle_from_both_sides(cell):
    spoiled = replace(cell, tail_coil=np.array([0.9]), head_roughness=np.array([0.9]))
    heights = [0.0, 4.0, 8.0, 16.0, 60.0]
    good = [look(replace(cell, z_um=np.array([z]))).shape[0] for z in heights]
    bad = [look(replace(spoiled, z_um=np.array([z]))).shape[0] for z in heights]
    assert good == sorted(good, reverse=True)
    assert bad == sorted(bad)
    assert good[-1] == pytest.approx(0.5, abs=0.02)
    assert bad[-1] == pytest.approx(0.5, abs=0.02)


def test_clarity_falls_with_defocus_noise_and_large_pixels(cell):
    best = look(cell).clarity
    assert 0.6 < best[0] < 1
    assert look(replace(cell, z_um=np.array([6.0]))).clarity < best
    assert look(cell, um_per_px=0.9).clarity < best
    assert look(cell, optics=replace(clean_optics(), noise_sigma=20.0)).clarity < best


def test_movement_is_what_the_cell_did_in_the_clip(cell):
    marks = [look(cell, speed_um_s=speed).movement[0] for speed in (0.0, 5.0, 15.0, 30.0, 60.0)]
    assert marks == sorted(marks)
    assert marks[0] == pytest.approx(0.2)
    assert marks[-1] > 0.9
    angle = 2 * np.pi * TIMES_S / TIMES_S[-1]
    circle = 7 * np.stack([np.cos(angle), np.sin(angle)], axis=1)[None]
    round_and_round = appearance(cell, clean_optics(), 0.3, TIMES_S, circle)
    assert round_and_round.movement[0] < 0.4
    idle = replace(cell, speed_um_s=np.array([0.0]))
    assert look(idle).movement == look(cell).movement


def test_clips_that_say_nothing_about_movement_are_refused(cell):
    with pytest.raises(ValueError, match="T >= 2"):
        appearance(cell, clean_optics(), 0.3, TIMES_S[:1], straight(1.0)[:, :1])
    with pytest.raises(ValueError, match="expected positions"):
        appearance(cell, clean_optics(), 0.3, TIMES_S, straight(1.0)[:, :7])


def spread_of(shape, movement, clarity, count=3000):
    return Appearance(*(np.full(count, value) for value in (shape, movement, clarity)))


def test_less_clarity_spreads_each_raters_votes():
    panel, rng = Panel(np.random.default_rng(PANEL)), np.random.default_rng(9)
    clear = panel.votes(spread_of(0.54, 0.54, 1.0), rng).std(axis=0).mean()
    dim = panel.votes(spread_of(0.54, 0.54, 0.2), rng).std(axis=0).mean()
    assert dim > 1.2 * clear


def test_raters_differ_as_their_traits_say():
    panel, rng = Panel(np.random.default_rng(PANEL), raters=300), np.random.default_rng(10)
    middle = panel.votes(spread_of(0.54, 0.54, 0.7), rng).mean(axis=0)
    assert np.corrcoef(middle, panel.severity)[0, 1] > 0.95
    shapely = panel.votes(spread_of(0.7, 0.4, 0.7), rng).mean(axis=0)
    lively = panel.votes(spread_of(0.4, 0.7, 0.7), rng).mean(axis=0)
    assert np.corrcoef(lively - shapely, panel.shape_weight)[0, 1] > 0.8
    both = panel.votes(spread_of(0.55, 0.55, 0.7), rng).mean(axis=0)
    assert np.corrcoef(shapely + lively - 2 * both, panel.weakest)[0, 1] > 0.4


@pytest.mark.parametrize("grades", [3, 4, 5, 7])
def test_the_best_cell_gets_a_and_the_worst_the_last_grade(grades):
    panel, rng = Panel(np.random.default_rng(PANEL), grades=grades), np.random.default_rng(11)
    best, worst = panel.votes(spread_of(1, 1, 1, 50), rng), panel.votes(spread_of(0, 0.2, 1, 50), rng)
    assert best.shape == (50, RATERS)
    assert best.dtype == np.int64
    assert np.median(best) == 0
    assert np.median(worst) == grades - 1
    assert worst.max() == grades - 1


def test_the_same_seeds_give_the_same_votes():
    seen = spread_of(0.5, 0.6, 0.5, 20)
    twice = [Panel(np.random.default_rng(PANEL)).votes(seen, np.random.default_rng(1)).tolist() for _ in range(2)]
    assert twice[0] == twice[1]


def test_the_exact_chances_are_the_shares_of_twenty_thousand_votes():
    """500 rounds of 40 raters on each of four clips; every share within 4.5 standard deviations."""
    panel, rounds = Panel(np.random.default_rng(PANEL)), 500
    seen = Appearance(*np.array([[0.95, 0.6, 0.3, 0.75], [0.9, 0.5, 0.7, 0.2], [0.9, 0.5, 0.8, 0.3]]))
    many = Appearance(*(np.repeat(getattr(seen, name), rounds) for name in Appearance.__slots__))
    votes = panel.votes(many, np.random.default_rng(77)).reshape(4, rounds * RATERS)
    shares = (votes[:, :, None] == np.arange(5)).mean(axis=1)
    chance = panel.probabilities(seen)
    assert chance.shape == (4, RATERS, 5)
    np.testing.assert_allclose(chance.sum(axis=2), 1)
    off = np.sqrt((chance * (1 - chance)).mean(axis=1) / (rounds * RATERS))
    assert (np.abs(shares - chance.mean(axis=1)) <= 4.5 * off + 1e-9).all()


@pytest.mark.parametrize("grades", [2, 3, 7])
def test_chances_sum_to_one_for_any_number_of_grades_and_the_best_cell_is_likely_an_a(grades):
    panel = Panel(np.random.default_rng(PANEL), grades=grades)
    chance = panel.probabilities(spread_of(1, 1, 1, 2))
    assert chance.shape == (2, RATERS, grades)
    assert (chance >= 0).all()
    np.testing.assert_allclose(chance.sum(axis=2), 1)
    assert chance.mean(axis=1)[0, 0] > 0.9
