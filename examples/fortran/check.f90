!> Compares this implementation with what `cryoden export` expects of it, then trains and logs.
!>
!>    ./check FOLDER [LOG.csv]
!>
!> Exit status: 0 all arrays agree, 1 one does not, 2 something cannot be read.
program check
   use, intrinsic :: iso_fortran_env, only: compiler_version, int64, real32, real64
   use arrays, only: sides_of, values_of
   use network, only: backward, descend, forward, layer, squared_error, state
   !$ use omp_lib, only: omp_get_max_threads
   implicit none

   real(real64), parameter :: tolerance = 1e-5_real64  ! of an array's largest absolute value
   character(:), allocatable :: folder, log
   real(real32), allocatable :: noisy(:, :, :, :, :), target(:, :, :, :, :), rate(:)
   type(layer) :: layers(3), gradients(3)
   type(state) :: s
   integer :: five(5)
   logical :: good = .true.

   folder = argument(1, '')
   log = argument(2, 'fortran_log.csv')
   if (folder == '') then
      print '(a)', 'usage: check FOLDER [LOG.csv]'
      stop 2
   end if
   five = sides_of(folder, 'noisy')
   noisy = reshape(values_of(folder, 'noisy'), five)
   target = reshape(values_of(folder, 'target'), five)
   rate = values_of(folder, 'learning_rate')

   print '(a)', 'largest difference, as a share of the largest absolute value expected'
   call check_step()
   call check_final()
   call check_training()
   if (.not. good) stop 1
   print '(a, es7.1)', 'all agree within ', tolerance

contains

   !> Forward, backward and one step on the first batch.
   subroutine check_step()
      integer :: nx, ny

      nx = size(noisy, 1); ny = size(noisy, 2)
      layers = weights('initial')
      gradients = layers  ! for the shapes
      call forward(layers, noisy(:, :, :, :, 1), s)
      call compare('conv1', flat(s%conv1))
      call compare('relu1', flat(s%relu1(1:nx, 1:ny, :, :)))
      call compare('conv2', flat(s%conv2))
      call compare('relu2', flat(s%relu2(1:nx, 1:ny, :, :)))
      call compare('output', flat(s%output))
      call backward(layers, s, target(:, :, :, :, 1), gradients)
      call compare_layers('gradient', gradients)
      call descend(layers, gradients, rate(1))
      call compare_layers('stepped', layers)
   end subroutine check_step

   !> The weights the run kept.
   subroutine check_final()
      layers = weights('final')
      call forward(layers, noisy(:, :, :, :, 1), s)
      call compare('final_output', flat(s%output))
      call compare('final_loss', [real(squared_error(s%output, target(:, :, :, :, 1)), real32)])
   end subroutine check_final

   !> All steps of training, from the initial weights, batches in turns.
   subroutine check_training()
      real(real32), allocatable :: losses(:)
      integer(int64) :: began, before, now, ticks
      integer :: step, batch, unit

      allocate (losses(size(values_of(folder, 'losses'))))
      open (newunit=unit, file=log, status='replace', action='write')
      call describe(unit)
      layers = weights('initial')
      call system_clock(began, ticks)
      before = began
      now = began
      do step = 1, size(losses)
         batch = 1 + mod(step - 1, size(noisy, 5))
         call forward(layers, noisy(:, :, :, :, batch), s)
         losses(step) = real(squared_error(s%output, target(:, :, :, :, batch)), real32)
         call backward(layers, s, target(:, :, :, :, batch), gradients)
         call descend(layers, gradients, rate(1))
         call system_clock(now)
         write (unit, '(i0, 3(",", g0))') step, losses(step), seconds(began, now, ticks), &
            size(noisy, 4) / max(seconds(before, now, ticks), 1e-9_real64)
         before = now
      end do
      close (unit)
      call compare('losses', losses)
      print '(a, f0.2, 4a)', 'images per second: ', &
         size(noisy, 4) * size(losses) / max(seconds(began, now, ticks), 1e-9_real64), '; ', log, ' has the losses'
   end subroutine check_training

   !> Say what was computed, and where, in the words that `cryoden compare` reads.
   subroutine describe(unit)
      integer, intent(in) :: unit
      integer :: threads, i

      threads = 1
      !$ threads = omp_get_max_threads()
      write (unit, '(a)') '# name: fortran'
      write (unit, '(a)') '# reported: false'
      write (unit, '(2a)') '# program: examples/fortran, ', compiler_version()
      write (unit, '(3a, i0, a)') '# hardware: ', processor(), ', ', threads, ' threads'
      write (unit, '(a)') '# network: baseline'
      write (unit, '(a, i0)') '# parameters: ', sum([(size(layers(i)%weight) + size(layers(i)%bias), i=1, 3)])
      write (unit, '(3(a, i0))') '# data: batches in turns: ', size(noisy, 5), ', of ', size(noisy, 1), ' x ', size(noisy, 2)
      write (unit, '(a, i0)') '# batch: ', size(noisy, 4)
      write (unit, '(a, es12.6)') '# learning_rate: ', rate(1)
      write (unit, '(a)') '# optimizer: sgd'
      write (unit, '(a)') 'step,loss,seconds,images_per_second'
   end subroutine describe

   function weights(kind) result(found)
      character(*), intent(in) :: kind
      type(layer) :: found(3)
      integer :: i, four(4)

      do i = 1, 3
         four = sides_of(folder, named(kind, 'weight', i))
         found(i)%weight = reshape(values_of(folder, named(kind, 'weight', i)), four)
         found(i)%bias = values_of(folder, named(kind, 'bias', i))
      end do
   end function weights

   subroutine compare_layers(kind, found)
      character(*), intent(in) :: kind
      type(layer), intent(in) :: found(3)
      integer :: i

      do i = 1, 3
         call compare(named(kind, 'weight', i), flat(found(i)%weight))
         call compare(named(kind, 'bias', i), found(i)%bias)
      end do
   end subroutine compare_layers

   !> Print how far values are from those expected, and remember when it is too far.
   subroutine compare(name, found)
      character(*), intent(in) :: name
      real(real32), intent(in) :: found(:)
      real(real32), allocatable :: expected(:)
      real(real64) :: scale, error

      allocate (expected, source=values_of(folder, name))
      scale = maxval(abs(real(expected, real64)))
      if (.not. scale > 0) scale = 1
      error = huge(error)
      if (size(found) == size(expected)) then
         if (all(found == found)) error = maxval(abs(real(found, real64) - expected)) / scale  ! no NaN
      end if
      print '(a, t22, es10.2, a)', name, error, merge('          ', '  TOO FAR ', error <= tolerance)
      good = good .and. error <= tolerance
   end subroutine compare

   pure function named(kind, what, number) result(name)
      character(*), intent(in) :: kind, what
      integer, intent(in) :: number
      character(:), allocatable :: name

      name = kind//'_'//what//achar(iachar('0') + number)
   end function named

   pure function flat(images) result(values)
      real(real32), intent(in) :: images(:, :, :, :)
      real(real32) :: values(size(images))

      values = reshape(images, [size(images)])
   end function flat

   pure real(real64) function seconds(from, to, ticks)
      integer(int64), intent(in) :: from, to, ticks

      seconds = real(to - from, real64) / ticks
   end function seconds

   function argument(number, default) result(text)
      integer, intent(in) :: number
      character(*), intent(in) :: default
      character(:), allocatable :: text
      integer :: length

      call get_command_argument(number, length=length)
      allocate (character(length) :: text)
      call get_command_argument(number, text)
      if (length == 0) text = default
   end function argument

   !> Return the name of the processor where Linux tells it.
   function processor() result(name)
      character(:), allocatable :: name
      character(256) :: line
      integer :: unit, status

      name = 'unknown processor'
      open (newunit=unit, file='/proc/cpuinfo', status='old', action='read', iostat=status)
      do while (status == 0)
         read (unit, '(a)', iostat=status) line
         if (status == 0 .and. index(line, 'model name') == 1) then
            name = trim(adjustl(line(index(line, ':') + 1:)))
            exit
         end if
      end do
      if (name /= 'unknown processor') close (unit)
   end function processor

end program check
