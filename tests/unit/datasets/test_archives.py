"""Archives as others write them: damaged, too large, or meant to do harm."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.archives import extract

MANY = 10**9


def zipped(path: Path, members: dict[str, bytes], **info: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.filename = name  # the constructor would turn some separators
            for key, value in info.items():
                setattr(member, key, value)
            archive.writestr(member, content)
    return path


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def unpack(archive: Path, max_bytes: int = MANY) -> Path:
    folder = archive.parent / "out"
    extract(archive, folder, max_bytes, lambda done, total: None)
    return folder


def refusal(archive: Path, max_bytes: int = MANY) -> str:
    """The one line that tells why, after which nothing is left behind."""
    before = sorted(archive.parent.iterdir())
    with pytest.raises(InputError) as caught:
        unpack(archive, max_bytes)
    assert sorted(archive.parent.iterdir()) == before
    assert "\n" not in str(caught.value)
    assert str(archive) in str(caught.value)
    return str(caught.value)


def test_a_zip_unpacks_to_its_files(tmp_path: Path) -> None:
    folder = unpack(zipped(tmp_path / "a.zip", {"a/b.txt": b"one", "ü (1).txt": b"two"}))
    assert (folder / "a/b.txt").read_bytes() == b"one"
    assert (folder / "ü (1).txt").read_bytes() == b"two"


def test_a_tar_unpacks_to_its_files(tmp_path: Path) -> None:
    folder = unpack(tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("a/b.txt"), b"one")))
    assert (folder / "a/b.txt").read_bytes() == b"one"


def test_litter_of_macos_is_left_out(tmp_path: Path) -> None:
    members = {"__MACOSX/._b.txt": b"x", "a/.DS_Store": b"x", "a/b.txt": b"one"}
    folder = unpack(zipped(tmp_path / "a.zip", members))
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["b.txt"]


def test_progress_ends_with_all_bytes(tmp_path: Path) -> None:
    told = []
    archive = zipped(tmp_path / "a.zip", {"a": b"123", "b": b"45"})
    extract(archive, tmp_path / "out", MANY, lambda done, total: told.append((done, total)))
    assert told == [(3, 5), (5, 5)]


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:\\evil", "C:evil", "..\\evil", "a\\b"]
)
def test_a_path_outside_is_refused(tmp_path: Path, name: str) -> None:
    said = refusal(zipped(tmp_path / "a.zip", {"good": b"", name: b"evil"}))
    assert "leads outside" in said
    assert not (tmp_path / "evil").exists()


def test_a_path_outside_is_refused_in_a_tar(tmp_path: Path) -> None:
    assert "leads outside" in refusal(
        tarred(tmp_path / "a.tar.gz", (tarfile.TarInfo("../evil"), b"evil"))
    )


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_a_link_or_device_is_refused_in_a_zip(tmp_path: Path, kind: int) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"/etc/passwd"}, external_attr=kind << 16)
    assert "is a link or a device" in refusal(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_is_refused_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("a")
    member.type, member.linkname = kind, "/etc/passwd"
    assert "is a link or a device" in refusal(tarred(tmp_path / "a.tar", (member, b"")))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", bytes(10**6))
    assert "download.max_gigabytes" in refusal(archive, max_bytes=10**5)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"secret"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag in the local header, then in the directory
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    assert "is encrypted" in refusal(archive)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"content " * 100})
    content = bytearray(archive.read_bytes())
    content[200] ^= 1
    archive.write_bytes(content)
    assert "is damaged" in refusal(archive)


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_a_truncated_archive_is_damaged(tmp_path: Path, ending: str, share: float) -> None:
    archive = tmp_path / f"a.{ending}"
    content = bytes(range(256)) * 40
    if ending == "zip":
        zipped(archive, {"a": content, "b": content})
    else:
        tarred(archive, (tarfile.TarInfo("a"), content))
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])
    assert "fetch it anew" in refusal(archive)


def test_text_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<html>log in</html>")
    assert "no archive" in refusal(tmp_path / "a.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b")])
def test_a_member_may_not_replace_another(tmp_path: Path, names: tuple[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert "twice" in refusal(tmp_path / "a.zip")


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".out.unpacking").mkdir()
    (tmp_path / ".out.unpacking/half").write_text("")
    folder = unpack(zipped(tmp_path / "a.zip", {"a": b"one"}))
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "out"]
