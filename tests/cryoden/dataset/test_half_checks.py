from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.dataset.half_checks import check_pairs, find_pairs, inspect
from cryoden.errors import CryodenError, HalvesError, MicrographError
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from tests.cryoden.hostile import DATA

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")


def scene(seed: int, edge: int = 1024) -> Pixels:
    """Return particles of 16 px diameter that vary by about 0.2, on unit noise barely seen."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-12:13, -12:13]
    particle = -np.exp(-(y * y + x * x) / (2 * 5.0**2))
    image = np.zeros((edge, edge), np.float32)
    for top, left in rng.integers(0, edge - 25, (edge * edge // 3000, 2)):
        image[top : top + 25, left : left + 25] += particle
    return image


def noisy(clean: Pixels, seed: int, strength: float = 0.5) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, 1, clean.shape)
    return (strength * clean + noise).astype(np.float32)


def pair(even: Pixels, odd: Pixels, even_size: float | None = 1.0, odd_size: float | None = 1.0) -> HalfPair:
    return HalfPair(Micrograph(even, even_size, "the even"), Micrograph(odd, odd_size, "the odd"))


class TestInspect:
    @pytest.mark.parametrize("edge", [256, 512, 1024])
    def test_weak_halves_of_one_scene_are_ready(self, edge: int) -> None:
        clean = scene(0, edge)
        even, odd = noisy(clean, 1), noisy(clean, 2)
        whole = np.corrcoef(even.ravel(), odd.ravel())[0, 1]
        assert 0.005 < whole < 0.06
        verdict = inspect(pair(even, odd))
        assert (verdict.ready, verdict.kind) == (True, "ready")
        assert verdict.correlation > whole

    @pytest.mark.parametrize("edge", [128, 256, 512, 1024])
    @pytest.mark.parametrize("strength", [0.0, 0.5, 4.0])
    def test_halves_of_two_scenes_are_not(self, edge: int, strength: float) -> None:
        evens = [noisy(scene(n, edge), n + 10, strength) for n in range(4)]
        odds = [noisy(scene(n + 5, edge), n + 20, strength) for n in range(4)]
        verdicts = [inspect(pair(even, odd)) for even, odd in zip(evens, odds, strict=True)]
        assert {verdict.kind for verdict in verdicts} == {"uncorrelated"}
        assert all(verdict.code == "D03" for verdict in verdicts)

    def test_common_illumination_and_hot_pixels_do_not_make_a_pair(self) -> None:
        slope = np.linspace(-3, 3, 1024, dtype=np.float32)[:, None]
        even, odd = noisy(scene(0), 1) + slope, noisy(scene(1), 2) + slope
        even[::100, ::90] += 1e4
        odd[::100, ::90] += 1e4
        assert inspect(pair(even, odd)).kind == "uncorrelated"

    def test_common_illumination_and_hot_pixels_do_not_look_like_shared_noise(self) -> None:
        slope = np.linspace(-9, 9, 1024, dtype=np.float32)[:, None]
        even, odd = noisy(scene(0), 1) + slope, noisy(scene(0), 2) + slope
        even[::100, ::90] += 1e4
        odd[::100, ::90] += 1e4
        assert inspect(pair(even, odd)).kind == "ready"

    def test_shifted_halves_are_told_with_the_shift(self) -> None:
        clean = scene(0)
        verdict = inspect(pair(noisy(clean, 1, 2.0), noisy(np.roll(clean, (-80, 40), (0, 1)), 2, 2.0)))
        assert verdict.kind == "uncorrelated"
        assert "shift of +80 rows and -40 columns" in verdict.message

    def test_equal_pixels_are_identical(self) -> None:
        half = noisy(scene(0, 256), 1)
        verdict = inspect(pair(half, half.copy()))
        assert (verdict.kind, verdict.code) == ("identical", "D04")
        assert "learn to copy" in verdict.message

    def test_one_file_under_two_names_is_identical_without_reading_it(self, tmp_path: Path) -> None:
        mrc.write(tmp_path / "a.mrc", noisy(scene(0, 256), 1), pixel_size=1.0, label="test")
        (tmp_path / "b.mrc").hardlink_to(tmp_path / "a.mrc")
        even, odd = (
            micrographs.open_micrograph(tmp_path / "a.mrc"),
            micrographs.open_micrograph(tmp_path / "b.mrc"),
        )
        even.close()
        assert inspect(HalfPair(even, odd)).kind == "identical"

    def test_a_half_against_the_sum_of_both_shares_its_noise(self) -> None:
        clean = scene(0, 512)
        even, odd = noisy(clean, 1), noisy(clean, 2)
        verdict = inspect(pair(even, even + odd))
        assert (verdict.kind, verdict.code) == ("correlated", "D04")
        assert inspect(pair(even, 2 * even + 3)).kind == "correlated"

    def test_a_black_half_is_named(self) -> None:
        half = noisy(scene(0, 256), 1)
        verdict = inspect(pair(half, np.full_like(half, 7)))
        assert (verdict.kind, verdict.code) == ("black", "F25")
        assert "the odd" in verdict.message
        assert "the even" not in verdict.message

    def test_sizes_that_differ_are_both_named(self) -> None:
        verdict = inspect(pair(noisy(scene(0, 256), 1), noisy(scene(0, 128), 2)))
        assert (verdict.kind, verdict.code) == ("mismatched", "D05")
        assert "the even 256 × 256 px" in verdict.message
        assert "the odd 128 × 128 px" in verdict.message

    def test_pixel_sizes_that_differ_are_both_named(self) -> None:
        clean = scene(0, 256)
        verdict = inspect(pair(noisy(clean, 1), noisy(clean, 2), 1.0, 1.2))
        assert (verdict.kind, verdict.code) == ("mismatched", "D06")
        assert "the even 1 Å/px and the odd 1.2 Å/px" in verdict.message
        assert inspect(pair(noisy(clean, 1), noisy(clean, 2), 1.0, 1.005)).ready
        assert inspect(pair(noisy(clean, 1), noisy(clean, 2), 1.0, None)).ready

    def test_a_nan_is_an_error_that_names_its_place(self) -> None:
        half = noisy(scene(0, 256), 1)
        bad = half.copy()
        bad[9, 8] = np.nan
        with pytest.raises(MicrographError, match=r"F24 .*the odd.*row 9, column 8"):
            inspect(pair(half, bad))

    @pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 3), (17, 40)])
    def test_tiny_halves_get_a_verdict(self, shape: tuple[int, int]) -> None:
        rng = np.random.default_rng(0)
        even, odd = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
        assert inspect(pair(even, odd)).kind in {"black", "uncorrelated", "correlated", "ready"}


class TestCheckPairs:
    def test_ready_pairs_give_their_verdicts(self) -> None:
        clean = scene(0, 256)
        pairs = [pair(noisy(clean, n), noisy(clean, n + 10), 1.0, 1.0) for n in range(2)]
        assert [verdict.kind for verdict in check_pairs(pairs)] == ["ready", "ready"]

    def test_a_wrong_partner_is_refused_with_both_names(self) -> None:
        with pytest.raises(HalvesError, match=r"D03  the even — .*other half: the odd"):
            check_pairs([pair(noisy(scene(0, 256), 1), noisy(scene(1, 256), 2))])

    def test_every_kind_of_refusal_has_a_fix(self) -> None:
        half, other = noisy(scene(0, 256), 1), noisy(scene(0, 128), 1)
        cases = {"D04": pair(half, half), "D05": pair(half, other), "F25": pair(half, half * 0)}
        cases["D06"] = pair(half, noisy(scene(0, 256), 2), 1.0, 2.0)
        for code, case in cases.items():
            with pytest.raises(CryodenError) as caught:
                check_pairs([case])
            assert caught.value.code == code
            assert caught.value.fix

    def test_pairs_of_different_pixel_sizes_are_counted_in_groups(self) -> None:
        clean = scene(0, 256)
        pairs = [pair(noisy(clean, 1), noisy(clean, 2), size, size) for size in (0.8, 0.8, 1.5, None)]
        with pytest.raises(HalvesError, match=r"D06  .*2 at 0\.8 Å/px; 1 at 1\.5 Å/px"):
            check_pairs(pairs)


@needs_data
class TestRealHalves:
    def half(self, name: str, top: int = 0, left: int = 0, edge: int | None = None) -> Micrograph:
        whole = micrographs.read(DATA / name)
        bottom, right = (None, None) if edge is None else (top + edge, left + edge)
        return Micrograph(whole.data[top:bottom, left:right], whole.pixel_size, whole.name, whole.path)

    def test_k2_halves_are_found_and_ready(self) -> None:
        (files,) = find_pairs([DATA / "k2_counting"])
        assert files.name == "k2_micrograph"
        verdict = inspect(
            HalfPair(micrographs.open_micrograph(files.even), micrographs.open_micrograph(files.odd))
        )
        assert verdict.kind == "ready"
        assert 0.1 < verdict.correlation < 0.15

    def test_a_k2_half_with_the_full_micrograph_shares_its_noise(self) -> None:
        even = micrographs.open_micrograph(DATA / "k2_counting" / "k2_micrograph_EVN.mrc")
        full = micrographs.open_micrograph(DATA / "k2_counting" / "k2_micrograph.mrc")
        assert inspect(HalfPair(even, full)).kind == "correlated"

    def test_another_part_of_the_other_half_is_another_scene(self) -> None:
        even = self.half("k2_counting/k2_micrograph_EVN.mrc", 0, 0, 1500)
        odd = self.half("k2_counting/k2_micrograph_ODD.mrc", 2000, 2000, 1500)
        assert inspect(HalfPair(even, odd)).kind == "uncorrelated"

    def test_apoferritin_pairs_are_ready_and_strangers_are_not(self) -> None:
        folder = DATA / "apoferritin_pairs"
        frames = [micrographs.open_micrograph(path) for path in sorted(folder.glob("*_frame.mrc"))]
        rests = [micrographs.open_micrograph(path) for path in sorted(folder.glob("*_rest.mrc"))]
        own = [inspect(HalfPair(frame, rest)).kind for frame, rest in zip(frames, rests, strict=True)]
        assert own == ["ready"] * 10
        strange = [inspect(HalfPair(rests[n - 1], rest)).kind for n, rest in enumerate(rests)]
        assert strange == ["uncorrelated"] * 10
