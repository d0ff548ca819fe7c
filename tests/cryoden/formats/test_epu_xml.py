from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from cryoden.errors import MicrographError
from cryoden.formats import epu_xml
from tests.cryoden.hostile import DATA

FIELD = DATA / "field" / "epu"
NAMESPACE = "http://schemas.datacontract.org/2004/07/Fei.SharedObjects"
TEXT = f"""<MicroscopeImage xmlns="{NAMESPACE}" xmlns:a="http://schemas.microsoft.com/Arrays"><CustomData>
<a:KeyValueOfstringanyType><a:Key>DoseOnCamera</a:Key><a:Value>105.7</a:Value></a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>Dose</a:Key><a:Value>4.2E+21</a:Value></a:KeyValueOfstringanyType>
</CustomData><microscopeData><ReadoutArea><a:height>300</a:height><a:width>320</a:width></ReadoutArea>
</microscopeData><SpatialScale><pixelSize><x><numericValue>1.05E-10</numericValue></x><y><numericValue>9
</numericValue></y></pixelSize></SpatialScale></MicroscopeImage>"""
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9))
    + "]><MicroscopeImage>&j;</MicroscopeImage>"
)


def written(path: Path, text: str, encoding: str = "utf-8-sig") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def test_pixel_size_dose_and_size_are_read(tmp_path: Path) -> None:
    found = epu_xml.read(written(tmp_path / "m.xml", TEXT))
    assert found is not None
    assert found.pixel_size == pytest.approx(1.05)
    assert found.dose == pytest.approx(42)
    assert found.shape == (300, 320)


def test_what_is_not_said_is_not_known(tmp_path: Path) -> None:
    found = epu_xml.read(written(tmp_path / "m.xml", "<MicroscopeImage><a/></MicroscopeImage>"))
    assert found == epu_xml.EpuExposure(None, None, None)


def test_the_xml_of_another_program_is_not_epus(tmp_path: Path) -> None:
    assert epu_xml.read(written(tmp_path / "m.xml", "<TiltSeries><pixelSize/></TiltSeries>")) is None
    warp = DATA / "field" / "warp" / "tilt_series_ctf_motion.xml"
    assert not warp.is_file() or epu_xml.read(warp) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_grow(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path / "m.xml", BOMB, encoding)
    tracemalloc.start()
    with pytest.raises(MicrographError, match=r"F69 .*m\.xml — declares a document type"):
        epu_xml.read(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("text", ["", TEXT[:300], "no xml"])
def test_damage_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(MicrographError, match=r"F69 .*m\.xml — is damaged"):
        epu_xml.read(written(tmp_path / "m.xml", text))


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"a file of EPU not found in {FIELD}")
def test_a_file_of_epu_is_read() -> None:
    found = epu_xml.read(FIELD / "exposure.xml")
    assert found is not None
    assert found.pixel_size == pytest.approx(1.2851950, rel=1e-6)
    assert found.dose == pytest.approx(63.993, rel=1e-4)
    assert found.shape == (2046, 2880)
